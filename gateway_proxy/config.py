"""What the gateway is told by the settings, checked before it serves anything."""

from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from gateway_proxy.core.addresses import LOCAL, is_base_url
from gateway_proxy.core.cors import CrossOrigin
from gateway_proxy.core.routes import PREFIXES


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """The settings of the gateway; equal settings share one gateway."""

    verifies_tokens: bool
    rate: float
    burst: int
    redis_url: str
    redis_timeout: float
    upstreams: tuple[tuple[str, str], ...]
    cross_origin: CrossOrigin
    processes: int
    tells_legacy_limits: bool
    # Without a database nobody can be asked about API keys.
    alone: bool


def read_config() -> GatewayConfig:
    """Return the gateway's settings; a start with wrong ones ends in a sentence."""
    return GatewayConfig(
        verifies_tokens=_verifies_tokens(),
        rate=settings.GATEWAY_RATE,
        burst=settings.GATEWAY_BURST,
        redis_url=settings.REDIS_URL,
        redis_timeout=settings.REDIS_TIMEOUT,
        upstreams=tuple(sorted(_upstreams().items())),
        cross_origin=_cross_origin(),
        processes=settings.GATEWAY_PROCESSES,
        tells_legacy_limits=settings.GATEWAY_LEGACY_LIMIT_HEADERS,
        alone=settings.GATEWAY_ALONE,
    )


def _verifies_tokens() -> bool:
    if settings.GATEWAY_JWT == "on":
        return True
    if settings.PROFILE != "local":
        raise ImproperlyConfigured(
            f"GATEWAY_JWT={settings.GATEWAY_JWT!r} in the profile"
            f" {settings.PROFILE!r}; only the local one may leave tokens unverified."
        )
    return False


def _cross_origin() -> CrossOrigin:
    try:
        return CrossOrigin.of(
            settings.GATEWAY_CORS_ORIGINS,
            credentials=settings.GATEWAY_CORS_CREDENTIALS,
        )
    except ValueError as error:
        raise ImproperlyConfigured(f"GATEWAY_CORS_ORIGINS: {error}.") from error


def _upstreams() -> dict[str, str]:
    addresses = dict.fromkeys(PREFIXES, LOCAL)
    for name, address in settings.GATEWAY_UPSTREAMS.items():
        prefix = f"/{name.strip('/')}"
        if prefix not in PREFIXES:
            known = ", ".join(route[1:] for route in PREFIXES)
            raise ImproperlyConfigured(
                f"GATEWAY_UPSTREAMS names {name!r}; the gateway serves {known}."
            )
        if address != LOCAL and not is_base_url(address):
            raise ImproperlyConfigured(
                f"GATEWAY_UPSTREAMS: {name}={address!r};"
                " use 'local' or http[s]://host[:port][/path]."
            )
        addresses[prefix] = address
    return addresses

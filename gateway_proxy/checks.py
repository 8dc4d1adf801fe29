"""Says in `manage.py check` what would keep the gateway from starting."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured

from gateway_proxy.config import read_config
from gateway_proxy.core.addresses import LOCAL
from gateway_proxy.defaults import default_table


@register(Tags.security)
def check_gateway(
    app_configs: Sequence[AppConfig] | None,  # noqa: ARG001 -- the signature is Django's
    **_kwargs: object,
) -> list[CheckMessage]:
    """Refuse unverified tokens outside the local profile, and a wrong route table."""
    try:
        config = read_config()
        default_table()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="gateway_proxy.E001")]
    here = [prefix for prefix, address in config.upstreams if address == LOCAL]
    if settings.GATEWAY_ALONE and here:
        return [
            Error(
                f"GATEWAY_ALONE, but {', '.join(here)} would be answered by this process.",
                hint="Name services for them in GATEWAY_UPSTREAMS.",
                id="gateway_proxy.E002",
            )
        ]
    if not config.verifies_tokens:
        return [
            Caution(
                "The gateway lets requests pass without an access token.",
                hint="Only the local profile allows it; remove GATEWAY_JWT=off.",
                id="gateway_proxy.W001",
            )
        ]
    return []

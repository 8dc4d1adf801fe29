"""Says in `manage.py check` what would keep the gateway from starting."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured

from gateway_proxy.config import read_config
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
    if not config.verifies_tokens:
        return [
            Caution(
                "The gateway lets requests pass without an access token.",
                hint="Only the local profile allows it; remove GATEWAY_JWT=off.",
                id="gateway_proxy.W001",
            )
        ]
    return []

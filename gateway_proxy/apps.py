"""gateway_proxy as a Django app."""

from django.apps import AppConfig


class GatewayProxyConfig(AppConfig):
    """See the package."""

    name = "gateway_proxy"
    verbose_name = "Gateway"

    def ready(self) -> None:
        """Register checks and counts; refuse a start that the settings make unsafe."""
        from gateway_proxy import (  # noqa: PLC0415 -- apps are loading
            checks,  # noqa: F401 -- importing registers
        )
        from gateway_proxy.config import (  # noqa: PLC0415 -- apps are loading
            read_config,
        )
        from gateway_proxy.sight import (  # noqa: PLC0415 -- apps are loading
            current_sight,
        )

        read_config()
        current_sight()

"""gateway_proxy as a Django app."""

from django.apps import AppConfig


class GatewayProxyConfig(AppConfig):
    """See the package."""

    name = "gateway_proxy"
    verbose_name = "Gateway"

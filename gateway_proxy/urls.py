"""Mounts the gateway at the root, beside the API's own paths."""

from django.urls import re_path

from gateway_proxy.core.routes import ROUTES
from gateway_proxy.views import GatewayProxyView

_prefixes = "|".join(prefix.removeprefix("/") for prefix in ROUTES)

urlpatterns = [
    # Whatever follows a prefix but does not lengthen it is the gateway's to refuse.
    re_path(rf"^(?:{_prefixes})(?![\w-])", GatewayProxyView.as_view()),
]

"""Mounts the gateway at the root, beside the API's own paths."""

from django.urls import re_path

from gateway_proxy.routes import ROUTES
from gateway_proxy.views import GatewayProxyView

_prefixes = "|".join(prefix.removeprefix("/") for prefix in ROUTES)

urlpatterns = [
    re_path(rf"^(?:{_prefixes})(?:/|$)", GatewayProxyView.as_view()),
]

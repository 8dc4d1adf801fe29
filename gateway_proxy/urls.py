"""Mounts the gateway at the root, after all paths of the project's own."""

from django.urls import re_path

from gateway_proxy.views import GatewayProxyView

# Its routes change while it serves, so it is asked about every path that is left.
urlpatterns = [re_path("", GatewayProxyView.as_view())]

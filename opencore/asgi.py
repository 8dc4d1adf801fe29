"""The ASGI entry point: it serves only when all is there that serving needs."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opencore.settings.production")
django.setup()

from gateway_proxy.front import asgi_front  # noqa: E402 -- apps are loading
from gateway_proxy.watching import begin  # noqa: E402 -- apps are loading
from opencore.boot import prepare_to_serve  # noqa: E402 -- apps are loading

application = asgi_front()
prepare_to_serve()
begin()

"""The ASGI entry point: it serves only when all is there that serving needs."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opencore.settings.production")

application = get_asgi_application()

from opencore.boot import prepare_to_serve  # noqa: E402 -- apps are loading

prepare_to_serve()

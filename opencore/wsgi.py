"""The WSGI entry point: it serves only when all is there that serving needs."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opencore.settings.production")

application = get_wsgi_application()

from gateway_proxy.watching import begin  # noqa: E402 -- apps are loading
from opencore.boot import prepare_to_serve  # noqa: E402 -- apps are loading

prepare_to_serve()
begin()

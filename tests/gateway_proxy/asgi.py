"""The product's front of an event loop, without what else its entry point awaits."""

import django

django.setup()

from gateway_proxy.front import asgi_front  # noqa: E402 -- apps are loading

application = asgi_front()

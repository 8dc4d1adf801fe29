"""The product's ASGI front, without what else its entry point awaits."""

import django

django.setup()

from gateway_proxy.front import asgi_front  # noqa: E402 -- apps are loading
from gateway_proxy.streaming import receiving  # noqa: E402 -- apps are loading
from opencore import serving  # noqa: E402 -- apps are loading

application = asgi_front()
# No test waits for as long as a deployment does.
serving.LONGEST_HEAD = receiving.LONGEST_SILENCE = 3.0

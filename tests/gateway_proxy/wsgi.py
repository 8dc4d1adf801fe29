"""The product's handler for a real server, without what else its entry point awaits."""

from django.core.wsgi import get_wsgi_application

from opencore import serving

application = get_wsgi_application()
# No test waits for as long as a deployment does.
serving.LONGEST_HEAD = 3.0

"""The product's handler for a real server, without what else its entry point awaits."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

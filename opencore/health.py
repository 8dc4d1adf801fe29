"""Whether this process lives, has started, and can serve: three questions."""

from django.http import HttpRequest, HttpResponse, JsonResponse


def livez(_: HttpRequest) -> HttpResponse:
    """Say that the process answers; nothing else is asked."""
    return JsonResponse({"status": "alive"})


def readyz(_: HttpRequest) -> HttpResponse:
    """Say whether requests may be sent here."""
    return JsonResponse({"status": "ready"})


def startupz(_: HttpRequest) -> HttpResponse:
    """Say whether the process has all that it needs to begin."""
    return JsonResponse({"status": "started"})

"""The headers that every answer carries, whichever front sends it."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.test import RequestFactory

from gateway_proxy.core.messages import Headers


def standing_headers(*, secure: bool) -> Headers:
    """Return what Django's middleware adds to an answer under these settings."""

    def answer(_: HttpRequest) -> HttpResponse:
        return HttpResponse()

    framed = XFrameOptionsMiddleware(answer)
    security = SecurityMiddleware(framed)
    security.redirect = False
    request = RequestFactory().get("/", secure=secure)
    response = cast("HttpResponse", security(request))
    del response["Content-Type"]
    return tuple((name.lower(), value) for name, value in response.items())

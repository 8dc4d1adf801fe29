"""An API of the tests' own, at /v1, with the gateway in front of it."""

import json
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from opencore.brakes import client_address
from opencore.context import current_request_id

CLOSED: list[str | None] = []


@csrf_exempt
def echo(request: HttpRequest) -> HttpResponse:
    """Answer with the request as it arrived."""
    return JsonResponse(
        {
            "method": request.method,
            "path": request.path,
            "uri": request.META["RAW_URI"],
            "url": request.build_absolute_uri(),
            "headers": {
                name: value
                for name, value in request.headers.items()
                if value and name != "Traceparent"
            },
            "body": request.body.decode(),
            "client": client_address(request),
            "request_id": current_request_id(),
        }
    )


def redirect(request: HttpRequest) -> HttpResponse:
    """Lead to another path of the API."""
    response = HttpResponse(status=303)
    response["Location"] = request.build_absolute_uri("/v1/orgs/7")
    return response


def stream(request: HttpRequest) -> HttpResponseBase:
    """Answer in chunks, and note the request's id when that ends."""
    asked = current_request_id()

    def chunks() -> Iterator[bytes]:
        try:
            yield b"first"
            yield b"second"
        finally:
            CLOSED.append(asked)

    return StreamingHttpResponse(chunks(), content_type="text/plain")


def set_cookies(request: HttpRequest) -> HttpResponse:
    """Set two cookies and vary by a header."""
    response = HttpResponse(json.dumps({}), content_type="application/json")
    response.set_cookie("a", "1", path="/v1")
    response.set_cookie("b", "2", httponly=True)
    response["Vary"] = "Accept-Language"
    response["Allow"] = "GET"
    return response


def fail(request: HttpRequest) -> HttpResponse:
    """Have a bug."""
    raise RuntimeError("secret detail")


urlpatterns = [
    re_path("^v1/orgs/echo", echo),
    re_path("^v1/auth/", echo),
    path("v1/orgs/redirect", redirect),
    path("v1/orgs/stream", stream),
    path("v1/orgs/cookies", set_cookies),
    path("v1/orgs/bug", fail),
    path("", include("gateway_proxy.urls")),
]

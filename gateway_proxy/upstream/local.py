"""Forwards to the API in this same process, through Django's own WSGI handler."""

import sys
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse

from gateway_proxy.core.messages import Answer, Headers, Outgoing

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_ABOUT_THE_SERVER = {
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


class LocalUpstream:
    """The API here, called in the thread of the request.

    It has no breaker: what can fail here is the database, and the API answers for
    that itself, within its own deadlines.
    """

    name = "local"

    def origin(self, request: Outgoing) -> str:
        """Return the client's own host, which the API builds its links from."""
        return request.host

    def send(self, request: Outgoing) -> Answer:
        """Return the API's answer; its request ends when the body is closed."""
        head = _Head()
        response = _handler()(environ_of(request), head)
        if not isinstance(response, HttpResponse):
            return Answer(head.status, head.reason, head.headers, response)
        response.close()
        return Answer(head.status, head.reason, head.headers, response.content)

    def close(self) -> None:
        """Hold nothing that needs closing."""


def environ_of(request: Outgoing) -> dict[str, Any]:
    """Return the request as a WSGI server would have read it."""
    host, _, port = request.host.rpartition(":")
    if not port.isdecimal():
        host, port = request.host, _DEFAULT_PORTS[request.scheme]
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "RAW_URI": request.target,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": request.peer,
        "CONTENT_LENGTH": str(len(request.body)) if request.body else "",
        "HTTP_HOST": request.host,
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(request.body),
        **_ABOUT_THE_SERVER,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        environ["CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ


class _Head:
    """Catches what a WSGI application answers before the body."""

    status: int
    reason: str
    headers: Headers

    def __call__(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: object = None,  # noqa: ARG002 -- the signature is WSGI's
    ) -> Callable[[bytes], object]:
        code, _, self.reason = status.partition(" ")
        self.status = int(code)
        # Django begins the line of a cookie with a space.
        self.headers = tuple((name, value.strip()) for name, value in headers)
        return _refuse_write


def _refuse_write(data: bytes) -> None:
    raise NotImplementedError(f"Django never writes bodies so; {len(data)} bytes.")


@cache
def _handler() -> WSGIHandler:
    return WSGIHandler()

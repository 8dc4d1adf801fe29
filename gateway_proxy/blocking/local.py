"""Forwards to the API in this same process, through Django's own WSGI handler."""

import sys
from collections.abc import Callable, Iterator
from functools import cache
from io import BufferedReader, BytesIO, RawIOBase
from typing import Any, BinaryIO, cast
from urllib.parse import unquote_to_bytes

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse

from gateway_proxy.core.messages import Answer, BlockingUpload, Headers, Outgoing

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_JOINED_BY = {"HTTP_COOKIE": "; "}
_ABOUT_THE_SERVER = {
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


class LocalExchange:
    """The API here, called in the thread of the request.

    It has no breaker: what can fail here is the database, and the API answers for
    that itself, within its own deadlines.
    """

    name = "local"

    def origin(self, request: Outgoing) -> str:
        """Return the client's own host, which the API builds its links from."""
        return request.host

    async def send(self, request: Outgoing) -> Answer:
        """Return the API's answer; its request ends when the body is closed."""
        if isinstance(request.body, bytes):
            return call_django(environ_of(request, BytesIO(request.body)))
        chunks = iter(cast("BlockingUpload", request.body))
        return call_django(environ_of(request, file_of(chunks)))

    async def close(self) -> None:
        """Hold nothing that needs closing."""


def call_django(environ: dict[str, Any]) -> Answer:
    """Return what Django answers; whoever gets a body closes it."""
    head = _Head()
    response = _handler()(environ, head)
    if not isinstance(response, HttpResponse):
        return Answer(head.status, head.reason, head.headers, response)
    response.close()
    return Answer(head.status, head.reason, head.headers, response.content)


def file_of(chunks: Iterator[bytes]) -> BinaryIO:
    """Return a body that is still on its way, to be read as a file."""
    # Buffered, so that no read is shorter than was asked for before the end.
    return BufferedReader(_Chunks(chunks))


class _Chunks(RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        """Say so."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 -- any buffer that can be written to
        """Fill the buffer with what is there, 0 bytes at the end."""
        self._rest = self._rest or next(filter(None, self._chunks), b"")
        taken, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def environ_of(request: Outgoing, body: BinaryIO) -> dict[str, Any]:
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
        "CONTENT_LENGTH": _length_of(request),
        "HTTP_HOST": request.host,
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": body if request.body else BytesIO(),
        "wsgi.input_terminated": True,
        **_ABOUT_THE_SERVER,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        if key in environ and key != "HTTP_HOST":
            value = f"{environ[key]}{_JOINED_BY.get(key, ',')}{value}"  # noqa: PLW2901 -- several lines of one header are one
        environ[key] = value
    return environ


def _length_of(request: Outgoing) -> str:
    if isinstance(request.body, bytes):
        return str(len(request.body)) if request.body else ""
    return "" if request.body.length is None else str(request.body.length)


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
        self.headers = tuple((name.lower(), value.strip()) for name, value in headers)
        return _refuse_write


def _refuse_write(data: bytes) -> None:
    raise NotImplementedError(f"Django never writes bodies so; {len(data)} bytes.")


@cache
def _handler() -> WSGIHandler:
    return WSGIHandler()

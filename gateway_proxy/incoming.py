"""Reads a Django request as the client wrote it, and refuses unclear framing."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote, unquote

from django.http import HttpRequest

from gateway_proxy.core.errors import (
    LengthRequired,
    MalformedRequest,
    WebSocketNotSupported,
)
from gateway_proxy.core.messages import Headers, Incoming
from gateway_proxy.core.targets import check_target
from opencore.brakes import client_address, sender_address
from opencore.context import current_request_id, new_request_id
from opencore.errors import BodyTooLarge

_CHUNK = 64 * 1024
# What a path may hold unescaped; used where the server kept only the decoded path.
_PATH_CHARACTERS = "/:@!$&'()*+,;=~"


def read_incoming(request: HttpRequest) -> Incoming:
    """Return the request with its body still unread."""
    path, query = _target(request)
    headers = read_headers(request)
    length = _body_length(request)
    return Incoming(
        # Django writes methods in capitals; `get` is no method.
        method=request.META.get("REQUEST_METHOD", ""),
        path=path,
        query=query,
        headers=headers,
        scheme=request.scheme or "http",
        host=request.get_host(),
        peer=request.META.get("REMOTE_ADDR", ""),
        sender=sender_address(request),
        client=client_address(request),
        request_id=current_request_id() or new_request_id(),
        length=length,
        upload=partial(ReadUpload, request, length),
    )


def _target(request: HttpRequest) -> tuple[str, str]:
    """Return path and query in the client's spelling, where the server kept it."""
    meta = request.META
    raw: str = meta.get("RAW_URI") or meta.get("REQUEST_URI") or ""
    if not raw or meta.get("SCRIPT_NAME"):
        query: str = meta.get("QUERY_STRING", "")
        return quote(request.path_info, safe=_PATH_CHARACTERS), query
    if not raw.startswith("/"):
        raise MalformedRequest("The request names no path.")
    path, _, query = raw.partition("?")
    check_target(path, query)
    # Views were chosen by the decoded path, so both must be one and the same.
    if unquote(path) != request.path_info:
        raise MalformedRequest("The path is not what the server made of it.")
    return path, query


def read_headers(request: HttpRequest) -> Headers:
    """Return the headers of a request, as far as WSGI tells their names."""
    headers = []
    for key, value in request.META.items():
        if key.startswith("HTTP_"):
            name = key.removeprefix("HTTP_")
        elif key in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value:
            name = key
        else:
            continue
        headers.append((name.replace("_", "-").lower(), value))
    return tuple(headers)


def _body_length(request: HttpRequest) -> int | None:
    """Return the body's announced length, None if it ends by itself."""
    announced = request.META.get("CONTENT_LENGTH") or ""
    encoding = request.META.get("HTTP_TRANSFER_ENCODING")
    if "," in request.META.get("HTTP_HOST", ""):
        raise MalformedRequest("The request names more than one host.")
    if "websocket" in request.META.get("HTTP_UPGRADE", "").lower():
        raise WebSocketNotSupported
    if encoding is None:
        if announced and not (announced.isascii() and announced.isdecimal()):
            raise MalformedRequest("Content-Length is not a number.")
        return int(announced or 0)
    if announced:
        raise MalformedRequest("Content-Length and Transfer-Encoding contradict.")
    if encoding.lower() != "chunked":
        raise MalformedRequest("This transfer encoding is not known here.")
    if not request.META.get("wsgi.input_terminated"):
        raise LengthRequired
    return None


class ReadUpload:
    """A body that the server's thread reads."""

    def __init__(self, request: HttpRequest, length: int | None, limit: int) -> None:
        # Django's own stream ends where an announced length does, so at 0 without one.
        self._stream = request.META.get("wsgi.input", request)
        self._limit = limit
        self.length = length
        self._held = bytearray()
        self._rest: Iterator[bytes] | None = None

    async def within(self, most: int) -> bytes | None:
        """Return all of it if it is no longer than that; None if it is."""
        rest = self._read_on()
        for chunk in rest:
            self._held += chunk
            if len(self._held) > most:
                self._rest = rest
                return None
        return bytes(self._held)

    def __iter__(self) -> Iterator[bytes]:
        """Yield it in chunks."""
        if self._held:
            yield bytes(self._held)
        yield from self._rest or self._read_on()

    def _read_on(self) -> Iterator[bytes]:
        size, wanted = 0, self._limit + 1 if self.length is None else self.length
        while size < wanted:
            chunk = self._read(min(_CHUNK, wanted - size))
            if not chunk:
                break
            size += len(chunk)
            if size > self._limit:
                raise BodyTooLarge
            yield chunk
        if self.length is not None and size < self.length:
            raise MalformedRequest("The body is shorter than was announced.")

    def _read(self, size: int) -> bytes:
        try:
            chunk: bytes = self._stream.read(size)
        except Exception as error:
            raise MalformedRequest("The body could not be read.") from error
        return chunk

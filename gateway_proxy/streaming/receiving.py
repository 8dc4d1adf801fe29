"""Reads a request from an ASGI server as the client wrote it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from gateway_proxy.core.errors import MalformedRequest, RequestTimeout
from gateway_proxy.core.framing import RawHeaders, check_framing, check_host
from gateway_proxy.core.messages import Headers, Incoming, Outgoing
from opencore.addresses import network_of, sender_of
from opencore.errors import BodyTooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# What a path may hold unescaped; used where the server kept only the decoded path.
_PATH_CHARACTERS = "/:@!$&'()*+,;=~"
# Seconds after which a client that has begun a body and sends nothing is given up.
LONGEST_SILENCE = 10.0
_FRAMING = frozenset({"content-length", "transfer-encoding"})


class ReceivedUpload:
    """A body that the server hands over in messages."""

    def __init__(self, receive: Receive, length: int | None, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self.length = length
        self._held: list[bytes] = []
        self._rest: AsyncIterator[bytes] | None = None

    async def whole(self) -> bytes:
        """Return all of it."""
        return await self.within(self._limit) or b""

    async def within(self, most: int) -> bytes | None:
        """Return all of it if it is no longer than that; None if it is."""
        first = await self._next()
        if first["type"] == "http.request" and not first.get("more_body", False):
            body: bytes = first.get("body", b"")
            self._check(len(body))
            if len(body) <= most:
                return body
        rest = self._chunks(first)
        async for chunk in rest:
            self._held.append(chunk)
            if sum(map(len, self._held)) > most:
                self._rest = rest
                return None
        return b"".join(self._held)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield it in chunks as they come."""
        for chunk in self._held:
            yield chunk
        async for chunk in self._rest or self._chunks(await self._next()):
            yield chunk

    async def _chunks(self, message: Message) -> AsyncIterator[bytes]:
        size = 0
        while True:
            if message["type"] == "http.disconnect":
                raise MalformedRequest("The body is shorter than was announced.")
            chunk = message.get("body", b"")
            size += len(chunk)
            self._check(size)
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return
            message = await self._next()

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(LONGEST_SILENCE):
                return await self._receive()
        except TimeoutError:
            raise RequestTimeout(headers={"Connection": "close"}) from None

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise BodyTooLarge


@dataclass(slots=True)
class Arrival:
    """One request as the server hands it over; names of headers are in lower case.

    `written` are its headers as they came, `connected` is the scheme of the socket.
    """

    receive: Receive
    method: str
    path: str
    query: str
    headers: Headers
    written: RawHeaders
    version: str
    connected: str
    peer: str

    def header(self, wanted: str) -> str:
        """Return the first value of a header, empty without one."""
        for name, value in self.headers:
            if name == wanted:
                return value
        return ""

    def scheme(self, believed: tuple[str, str] | None) -> str:
        """Return http or https; a header that is believed wins over the socket."""
        if believed is not None:
            name, secure = believed
            said = self.header(name)
            if said:
                first = said.partition(",")[0].strip()
                return "https" if first == secure else "http"
        return self.connected

    def incoming(
        self, *, scheme: str, request_id: str, trusted: tuple[str, ...]
    ) -> Incoming:
        """Return the request as the gateway takes it, its body still unread."""
        said = [value for name, value in self.headers if name == "x-forwarded-for"]
        forwarded = ",".join(said) if said else ""
        sender = sender_of(peer=self.peer, forwarded=forwarded, trusted=trusted)
        check_host(self.written)
        length = self._length_of_body()
        return Incoming(
            method=self.method,
            path=self.path,
            query=self.query,
            headers=self.headers,
            scheme=scheme,
            host=self.header("host"),
            peer=self.peer,
            sender=sender,
            client=network_of(sender),
            request_id=request_id,
            length=length,
            upload=partial(ReceivedUpload, self.receive, length),
        )

    async def outgoing(self, *, scheme: str, limit: int) -> Outgoing:
        """Return the request as Django takes it; a body above the limit is not read."""
        length = self._length_of_body()
        body = b""
        if length is None or 0 < length <= limit:
            body = await ReceivedUpload(self.receive, length, limit).whole()
        return Outgoing(
            method=self.method,
            path=self.path,
            query=self.query,
            headers=tuple(pair for pair in self.headers if pair[0] not in _FRAMING),
            body=body,
            scheme=scheme,
            host=self.header("host"),
            peer=self.peer,
        )

    def _length_of_body(self) -> int | None:
        return check_framing(
            target=self.path, headers=self.written, version=self.version
        )


def arrival_of(scope: Scope, receive: Receive) -> Arrival:
    """Return what has arrived so far."""
    client = scope.get("client")
    return Arrival(
        receive=receive,
        method=scope.get("method", "GET"),
        path=_path_of(scope),
        query=scope["query_string"].decode("latin-1"),
        headers=read_headers(scope["headers"]),
        written=scope["headers"],
        version=scope["http_version"],
        connected=scope["scheme"],
        peer=client[0] if client else "",
    )


def read_headers(written: RawHeaders) -> Headers:
    """Return headers as the gateway takes them; their names are in lower case already."""
    return tuple(
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in written]
    )


def _path_of(scope: Scope) -> str:
    """Return the path in the client's spelling, where the server kept it."""
    raw: bytes | None = scope.get("raw_path")
    if raw:
        return raw.partition(b"?")[0].decode("latin-1")
    return quote(scope["path"], safe=_PATH_CHARACTERS)

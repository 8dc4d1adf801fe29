"""One way to ask either front, so that each case can be put to both."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from http.client import HTTPResponse
from io import BytesIO
from socket import socket
from typing import Any, Protocol, cast
from urllib.parse import unquote

from django.test import Client

from gateway_proxy.asgi import AsgiFront
from gateway_proxy.front import asgi_front
from opencore.hosting import Host
from opencore.serving import refusal

Message = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """What a client got."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header's value; None without it."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True)
class Asked:
    """What a client sends; the target is in its own spelling."""

    method: str = "GET"
    target: str = "/billing"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    peer: str = "127.0.0.1"
    host: str = "testserver"


class Front(Protocol):
    """Something that answers."""

    def ask(self, asked: Asked) -> Said:
        """Return the answer."""
        ...


class ViewFront:
    """The view, under Django's own handler."""

    def ask(self, asked: Asked) -> Said:
        """Return the answer."""
        path, _, query = asked.target.partition("?")
        extra: dict[str, Any] = {
            _meta(name): value
            for name, value in asked.headers
            if name != "content-type"
        }
        kinds = [value for name, value in asked.headers if name == "content-type"]
        response = Client(raise_request_exception=False).generic(
            asked.method,
            unquote(path),
            asked.body,
            content_type=kinds[0] if kinds else "",
            QUERY_STRING=query,
            RAW_URI=asked.target,
            REMOTE_ADDR=asked.peer,
            HTTP_HOST=asked.host,
            **extra,
        )
        headers = [(name.lower(), value) for name, value in response.items()]
        cookies = [
            ("set-cookie", cookie.OutputString())
            for cookie in response.cookies.values()
        ]
        return Said(response.status_code, (*headers, *cookies), response.getvalue())


class LoopFront:
    """The ASGI application, in an event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._front: AsgiFront | None = None

    def ask(self, asked: Asked) -> Said:
        """Return the answer."""
        if self._front is None:
            self._front = asgi_front()
        return self._loop.run_until_complete(_answer(self._front, asked))

    def close(self) -> None:
        """End the loop."""
        if self._front is not None:
            self._loop.run_until_complete(_end(self._front))
        self._loop.close()


class WireFront(LoopFront):
    """The front as it speaks to its clients itself, byte for byte.

    What is no request is refused before the front sees it, in the server's words.
    """

    refused = False

    def ask(self, asked: Asked) -> Said:
        """Return the answer."""
        if self._front is None:
            self._front = asgi_front()
        self.refused = False
        written = self._loop.run_until_complete(self._written(self._front, asked))
        # It looks for nothing else in a socket.
        answer = HTTPResponse(cast("socket", _Written(written)), method=asked.method)
        answer.begin()
        headers = [(name.lower(), value) for name, value in answer.getheaders()]
        return Said(
            answer.status,
            tuple(one for one in headers if one[0] != "transfer-encoding"),
            answer.read(),
        )

    async def _written(self, front: AsgiFront, asked: Asked) -> bytes:
        client = OtherEnd(asked.peer)
        host = Host(
            loop=asyncio.get_running_loop(),
            longest_head=60,
            longest_rest=60,
            refusal=self._refuse,
            is_last=lambda: True,
            count=lambda _: None,
        )
        connection = front.connection(host)
        connection.connection_made(client)
        connection.data_received(bytes_of(asked))
        async with asyncio.timeout(60):
            await client.closed.wait()
        connection.connection_lost(None)
        front.sight.tell()
        return bytes(client.written)

    def _refuse(self, status: int) -> bytes:
        self.refused = True
        return refusal(status)


def _meta(name: str) -> str:
    return f"HTTP_{name.upper().replace('-', '_')}"


def scope_of(asked: Asked) -> Message:
    """Return the request as a server describes it."""
    path, _, query = asked.target.partition("?")
    headers = [("host", asked.host), *asked.headers]
    if asked.body:
        headers.append(("content-length", str(len(asked.body))))
    return {
        "type": "http",
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers
        ],
        "client": (asked.peer, 1),
        "server": ("testserver", 80),
    }


async def _answer(front: AsgiFront, asked: Asked) -> Said:
    sent: list[Message] = []
    arriving = iter([{"type": "http.request", "body": asked.body}])

    async def receive() -> Message:
        message = next(arriving, None)
        if message is None:
            await asyncio.Event().wait()
        return message or {}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    await front(scope_of(asked), receive, send)
    front.sight.tell()
    start, *chunks = sent
    return Said(
        start["status"],
        tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in start["headers"]
        ),
        b"".join(chunk["body"] for chunk in chunks),
    )


def bytes_of(asked: Asked) -> bytes:
    """Return the request as it is on the wire."""
    headers = [("host", asked.host), *asked.headers]
    if asked.body:
        headers.append(("content-length", str(len(asked.body))))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"{asked.method} {asked.target} HTTP/1.1\r\n{lines}\r\n"
    return head.encode("latin-1") + asked.body


class OtherEnd(asyncio.Transport):
    """The other end of a connection."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 1)})
        self.written = bytearray()
        self.closed = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.closed.set()

    def abort(self) -> None:
        self.closed.set()

    def is_closing(self) -> bool:
        return self.closed.is_set()

    def can_write_eof(self) -> bool:
        return False

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class _Written:
    def __init__(self, written: bytes) -> None:
        self._written = written

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(self._written)


async def _end(front: AsgiFront) -> None:
    arriving = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Message:
        return {"type": next(arriving)}

    async def send(_: MutableMapping[str, Any]) -> None:
        return None

    await front({"type": "lifespan"}, receive, send)

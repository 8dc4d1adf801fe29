"""One way to ask either front, so that each case can be put to both."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote

from django.test import Client

from gateway_proxy.asgi import AsgiFront
from gateway_proxy.front import asgi_front

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
    start, *chunks = sent
    return Said(
        start["status"],
        tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in start["headers"]
        ),
        b"".join(chunk["body"] for chunk in chunks),
    )


async def _end(front: AsgiFront) -> None:
    arriving = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Message:
        return {"type": next(arriving)}

    async def send(_: MutableMapping[str, Any]) -> None:
        return None

    await front({"type": "lifespan"}, receive, send)

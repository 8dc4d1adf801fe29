"""An application that answers at once, or in two halves when it is told to."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from threading import Event
from typing import Any

from gateway_proxy.core.messages import Answer
from gateway_proxy.streaming.asking import Tell
from gateway_proxy.streaming.clients import ClientConnection
from gateway_proxy.streaming.receiving import Arrival
from opencore.hosting import Host

Message = dict[str, Any]
# A file without which this is still loading.
LOADS = os.environ.get("LOADS", __file__)

while not Path(LOADS).exists():
    Event().wait(0.02)


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Send the second half only when the file that RELEASE names is there."""
    if scope["type"] != "http":
        raise NotImplementedError
    await receive()
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async for half in _halves(scope["path"]):
        await send({"type": "http.response.body", "body": half, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _halves(path: str) -> AsyncIterator[bytes]:
    yield b"o"
    if path == "/halves":
        async with asyncio.timeout(60):
            while not Path(os.environ["RELEASE"]).exists():
                await asyncio.sleep(0.02)
    yield b"k"


class Speaking:
    """The same, which speaks to its clients itself where a server lets it."""

    async def __call__(self, *asked: Any) -> None:
        """Answer as any other."""
        await application(*asked)

    def connection(self, host: Host) -> ClientConnection:
        """Return what speaks to one client."""
        return ClientConnection(_serve, host)


class _Body:
    def __init__(self, path: str) -> None:
        self._halves = _halves(path)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._halves

    async def aclose(self) -> None:
        """Hold nothing."""


async def _serve(arrival: Arrival, tell: Tell) -> None:
    headers = (("content-length", "2"),)
    await tell(Answer(200, "OK", headers, _Body(arrival.path)), None)


speaking = Speaking()

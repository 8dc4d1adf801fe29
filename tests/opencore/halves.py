"""An ASGI application that answers at once, or in two halves when it is told to."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Event
from typing import Any

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
    await send({"type": "http.response.body", "body": b"o", "more_body": True})
    if scope["path"] == "/halves":
        async with asyncio.timeout(60):
            while not Path(os.environ["RELEASE"]).exists():
                await asyncio.sleep(0.02)
    await send({"type": "http.response.body", "body": b"k"})

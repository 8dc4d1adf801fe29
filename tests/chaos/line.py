"""A TCP line to a service, which can be broken in the ways in which networks break."""

import asyncio
import socket
import struct
from collections.abc import Coroutine
from contextlib import suppress
from threading import Thread
from typing import Any

CHUNK = 65_536
CHANGES_WITHIN = 10.0
# Closed with this, a socket sends a reset instead of a farewell.
ABRUPT = struct.pack("ii", 1, 0)


class Line:
    """Carries connections from its port to a service's; its methods are the faults."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self._target = target
        self._delay = 0.0
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._requests, self._replies = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.open()

    def open(self) -> None:
        """Carry everything at once, in both directions."""
        self._do(self._heal())

    def refuse(self) -> None:
        """Reset what is connected, and refuse whoever connects."""
        self._do(self._refuse())

    def reset(self) -> None:
        """Reset what is connected; whoever connects anew is served."""
        self._do(self._reset())

    def go_silent(self) -> None:
        """Carry nothing and tell nobody; what is sent meanwhile arrives afterwards."""
        self._do(self._gate(requests=False, replies=False))

    def lose_replies(self) -> None:
        """Carry requests, and let no answer through."""
        self._do(self._gate(requests=True, replies=False))

    def slow_down(self, seconds: float) -> None:
        """Carry everything, each piece so much later."""
        self._delay = seconds

    def close(self) -> None:
        """End it and all that it carries."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CHANGES_WITHIN)
        self._loop.close()

    def _do(self, change: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(change, self._loop).result(CHANGES_WITHIN)

    async def _heal(self) -> None:
        self._delay = 0.0
        await self._gate(requests=True, replies=True)
        if self._server is None:
            self._server = await asyncio.start_server(
                self._join, "127.0.0.1", self.port
            )

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _reset(self) -> None:
        for end in [end for end in self._ends if not end.is_closing()]:
            end.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT
            )
            end.transport.abort()
        self._ends.clear()

    async def _end(self) -> None:
        await self._refuse()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _gate(self, *, requests: bool, replies: bool) -> None:
        for gate, is_open in ((self._requests, requests), (self._replies, replies)):
            if is_open:
                gate.set()
            else:
                gate.clear()

    async def _join(
        self, near: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        try:
            far, forth = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            back.transport.abort()
            return
        self._ends |= {back, forth}
        await asyncio.gather(
            self._carry(near, forth, self._requests),
            self._carry(far, back, self._replies),
        )
        self._ends -= {back, forth}

    async def _carry(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        gate: asyncio.Event,
    ) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK):
                if self._delay:
                    await asyncio.sleep(self._delay)
                await gate.wait()
                if target.is_closing():
                    break
                target.write(chunk)
                await target.drain()
        target.close()

"""A connection to Redis on which many questions are one message, and so are answers.

redis-py opens it: addresses, passwords and TLS are its own. Between a question and its
answer it spends more than Redis does, so those pass it by.
"""

import asyncio
from typing import Any, cast

from hiredis import Reader
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.backoff import NoBackoff
from redis.retry import Retry

from gateway_proxy.core.limiter import LimitsUnavailable


class RedisLine(asyncio.Protocol):
    """Takes one message at a time, and gives all of its answers at once."""

    def __init__(self, opened: AbstractConnection) -> None:
        # It closes the socket when nobody has it any more.
        self._opened = opened
        transport = cast("asyncio.StreamWriter", opened._writer).transport
        self.is_open = not transport.is_closing()
        self._transport = transport
        self._reader = Reader()
        self._answers: list[Any] = []
        self._wanted = 0
        self._done: asyncio.Future[list[Any]] | None = None
        self._loop = asyncio.get_running_loop()
        transport.set_protocol(self)

    async def ask(self, message: bytes, *, wanted: int, deadline: float) -> list[Any]:
        """Return so many answers; raises LimitsUnavailable when it is too late."""
        self._answers, self._wanted = [], wanted
        self._done = self._loop.create_future()
        late = self._loop.call_at(deadline, self._fail, "time-out")
        self._transport.write(message)
        try:
            return await self._done
        finally:
            late.cancel()
            if not self._done.done() or self._done.cancelled():
                self.close()
            self._done = None

    def close(self) -> None:
        """Let go; what was sent may still be answered, but to nobody."""
        if self.is_open:
            self.is_open = False
            self._transport.abort()
            self._opened._close()  # type: ignore[no-untyped-call]  # -- redis-py leaves it out

    def data_received(self, data: bytes) -> None:
        """Gather answers; what nobody asked for ends the connection."""
        if self._done is None:
            self.close()
            return
        self._reader.feed(data)
        answers = self._answers
        while (answer := self._reader.gets()) is not False:
            answers.append(answer)
        if len(answers) > self._wanted:
            self._fail("Redis said more than it was asked")
        elif len(answers) == self._wanted and not self._done.done():
            self._done.set_result(answers)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell whoever waits."""
        self._fail(str(error or "the connection was closed"))

    def _fail(self, reason: str) -> None:
        self.close()
        if self._done is not None and not self._done.done():
            self._done.set_exception(LimitsUnavailable(reason))


async def open_line(url: str, *, deadline: float) -> RedisLine:
    """Return a new connection, open by then; raises what redis-py does, or OSError."""
    connection = _connection_to(url)
    async with asyncio.timeout_at(deadline):
        await connection.connect()  # type: ignore[no-untyped-call]  # -- redis-py leaves it out
    return RedisLine(connection)


def _connection_to(url: str) -> AbstractConnection:
    # One deadline is set above it all, so none is set within.
    pool = ConnectionPool.from_url(
        url,
        socket_timeout=None,
        socket_connect_timeout=None,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]  # -- redis-py leaves it out
    return connection

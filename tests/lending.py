"""Who has a connection out of the pool, and for what.

A thread that ends with a connection takes it out of the pool for ever, and nothing is
seen of that until the last one is gone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from unittest import mock

from opencore.postgresql.deadline import DeadlineConnection
from opencore.postgresql.pool import WatchedPool

_deed: ContextVar[str] = ContextVar("deed", default="outside of requests")


class Lending:
    """Knows who took which connection, until it comes back."""

    def __init__(self) -> None:
        self._takers: dict[DeadlineConnection, str] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Remember who takes a connection meanwhile."""
        take, give_back = WatchedPool.getconn, WatchedPool.putconn

        def getconn(
            pool: WatchedPool, timeout: float | None = None
        ) -> DeadlineConnection:
            connection = take(pool, timeout)
            self._takers[connection] = _deed.get()
            return connection

        def putconn(pool: WatchedPool, conn: DeadlineConnection) -> None:
            self._takers.pop(conn, None)
            give_back(pool, conn)

        with (
            mock.patch.object(WatchedPool, "getconn", getconn),
            mock.patch.object(WatchedPool, "putconn", putconn),
        ):
            yield

    @contextmanager
    def named(self, deed: str) -> Iterator[None]:
        """Say what is done by who takes a connection inside."""
        token = _deed.set(deed)
        try:
            yield
        finally:
            _deed.reset(token)

    def kept(self) -> list[str]:
        """Return what each connection was taken for that did not come back."""
        return sorted(self._takers.values())

"""A pool that tells a dead PostgreSQL from a busy one, and never gives a dead line."""

import time
from collections.abc import Callable
from typing import Any, ClassVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout, TooManyRequests

from opencore.postgresql.confining import say
from opencore.postgresql.deadline import DeadlineConnection
from opencore.postgresql.errors import DatabaseUnreachable


class WatchedPool(ConnectionPool[DeadlineConnection]):
    """Tests each connection before giving it, and says why it has none to give.

    What is found dead is replaced at once, so that the first request after an outage
    does not pay for it.
    """

    check_deadline: ClassVar[float] = 1.0

    def __init__(
        self,
        *,
        configure: Callable[[DeadlineConnection], object],
        deadline: float = DeadlineConnection.deadline,
        **options: Any,
    ) -> None:
        self.deadline = deadline
        super().__init__(
            connection_class=DeadlineConnection,
            configure=self._configured_by(configure),
            # A long back-off would keep the pool empty long after the server is back.
            reconnect_timeout=options.get("timeout", 1.0),
            **options,
        )
        self.starving_since: float | None = None
        self._reached = False

    def getconn(self, timeout: float | None = None) -> DeadlineConnection:
        """Return a live connection; raises DatabaseUnreachable if there can't be any.

        Raises PoolTimeout or TooManyRequests if all connections are in use.
        """
        failed = self._failures()
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                connection = super().getconn(deadline - time.monotonic())
            except PoolTimeout as error:
                self._forget_who_gave_up()
                self._reached = self._reached and self._failures() == failed
                if not self._reached:
                    raise DatabaseUnreachable("PostgreSQL can't be reached.") from error
                self._starve()
                raise
            except TooManyRequests:
                self._starve()
                raise
            if self._answers(connection):
                self.starving_since = None
                return connection
            self.putconn(connection)

    def starved_for(self) -> float:
        """Return for how many seconds requests have found all connections in use."""
        since = self.starving_since
        if since is None or self.get_stats().get("pool_available", 0):
            return 0.0
        return time.monotonic() - since

    def _answers(self, connection: DeadlineConnection) -> bool:
        connection.deadline = self.check_deadline
        try:
            _let_out(connection)
        except psycopg.Error:
            connection.close()
            self._reached = False
        else:
            self._reached = True
        connection.deadline = self.deadline
        return self._reached

    def _forget_who_gave_up(self) -> None:
        # psycopg_pool keeps them in its queue until a connection comes. When they fill
        # the queue it refuses everybody, and never tries to connect again.
        with self._lock:
            live = [client for client in self._waiting if client.error is None]
            self._waiting.clear()
            self._waiting.extend(live)

    def _starve(self) -> None:
        self.starving_since = self.starving_since or time.monotonic()

    def _failures(self) -> int:
        return self.get_stats().get("connections_errors", 0)

    def _configured_by(
        self, configure: Callable[[DeadlineConnection], object]
    ) -> Callable[[DeadlineConnection], None]:
        def configured(connection: DeadlineConnection) -> None:
            connection.deadline = self.deadline
            configure(connection)

        return configured


def _let_out(connection: DeadlineConnection) -> None:
    # One empty round trip shows that it lives; who was confined in it last is forgotten
    # on the same way. A session that can't be let out is given to nobody. Who had it
    # last may have been in a transaction; this must not begin one.
    connection.autocommit = True
    if connection.confined:
        say(connection, None)
        connection.confined = False
    else:
        connection.execute("")

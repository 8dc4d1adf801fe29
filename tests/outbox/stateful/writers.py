"""Writers whose transactions are open at the same time, in one thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import OperationalError, connections, transaction

from opencore.events.user.v1 import UserCreated
from opencore.postgresql.base import DatabaseWrapper
from outbox.publishing import emit
from tests.outbox.events import person

# Nobody else is running meanwhile: whoever has to wait would wait for ever.
LOCK_TIMEOUT = "-c lock_timeout=5"


class SteppedConnection(DatabaseWrapper):
    """A connection whose commit can be stopped between its writes and its COMMIT."""

    def write(self) -> None:
        """Write what was deferred, as the commit does before anything else."""
        self._write_deferred()


class Writer:
    """Tells of people, over a connection of its own."""

    def __init__(self) -> None:
        self.told: list[tuple[str, UUID]] = []
        self.written = False
        self._connection = SteppedConnection(_settings())
        self._block: transaction.Atomic | None = None

    @property
    def is_open(self) -> bool:
        return self._block is not None

    def tell_of(self, name: str) -> UUID:
        """Emit, in the transaction that is open, or in a new one."""
        with self.at_work():
            if self._block is None:
                self._block = transaction.atomic()
                self._block.__enter__()
            event_id = emit(
                UserCreated(user_id=person(name), email=f"{name}@example.com")
            )
        self.told.append((name, event_id))
        return event_id

    def write(self) -> None:
        """Take the locks and the ids, and stop before the COMMIT."""
        try:
            with self.at_work():
                self._connection.write()
        except OperationalError:
            self.roll_back()
        else:
            self.written = True

    def commit(self) -> list[tuple[str, UUID]]:
        """Commit, and return what is told by that: nothing if a lock was not free."""
        told = self.told
        try:
            self._end()
        except OperationalError:
            return []
        return told

    def roll_back(self) -> None:
        with self.at_work():
            transaction.set_rollback(True)
        self._end()

    def crash(self, wait_until_gone: Callable[[int], None]) -> None:
        """Lose the connection in the middle."""
        session = self._connection.connection.info.backend_pid
        self._connection.connection.close()
        wait_until_gone(session)
        self.roll_back()

    def stop(self) -> None:
        """Take back what is open."""
        if self.is_open:
            self.roll_back()

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let what Django does meanwhile be done over this connection."""
        others = connections["default"]
        connections["default"] = self._connection
        try:
            yield
        finally:
            connections["default"] = others

    def _end(self) -> None:
        block, self._block = self._block, None
        self.told, self.written = [], False
        assert block is not None
        with self.at_work():
            block.__exit__(None, None, None)


def _settings() -> dict[str, Any]:
    database = connections["default"].settings_dict
    options = database["OPTIONS"]
    stepped = {
        **options,
        "pool": None,
        "options": f"{options['options']} {LOCK_TIMEOUT}",
    }
    return {**database, "OPTIONS": stepped}

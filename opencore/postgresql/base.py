"""The database backend that settings name `opencore.postgresql`."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, ClassVar

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql import base
from django.db.utils import DatabaseError, OperationalError
from django.utils.asyncio import async_unsafe

from opencore.postgresql.confining import (
    Applied,
    ConfinedCursor,
    ConfinedDebugCursor,
    is_aborted,
)
from opencore.postgresql.errors import CommitOutcomeUnknown
from opencore.postgresql.pool import WatchedPool
from opencore.postgresql.preparing import ONLY_WHEN_ASKED, PreparedCursor

Writer = Callable[[Sequence[Any]], None]
_making_pools = threading.Lock()
_inherited: list[WatchedPool] = []


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL with deferred writes that run, together, right before the commit."""

    _connection_pools: ClassVar[dict[str, WatchedPool]] = {}

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self._deferred: list[tuple[tuple[str | None, ...], Writer, Any]] = []
        self._applied = Applied()

    @property
    def pool(self) -> WatchedPool | None:
        """Return this process's pool of the alias, or None if settings want none."""
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        with _making_pools:
            pool = self._connection_pools.get(self.alias)
            if pool is None:
                pool = self._connection_pools[self.alias] = WatchedPool(
                    kwargs={**self.get_connection_params(), "autocommit": True},
                    open=False,
                    configure=self._configure_connection,  # type: ignore[attr-defined]  # -- django-stubs leaves it out
                    **options,
                )
        return pool

    def get_connection_params(self) -> dict[str, Any]:
        """Return Django's, so that what is asked for is prepared, and nothing else."""
        params: dict[str, Any] = super().get_connection_params()
        return {**params, "prepare_threshold": ONLY_WHEN_ASKED}

    @contextmanager
    def one_statement(self) -> Iterator[None]:
        """Let one statement be its own transaction, without two more round trips.

        It is committed when it is answered, so in another transaction it is refused.
        Raises CommitOutcomeUnknown if the connection is lost meanwhile.
        """
        if self.in_atomic_block and not self._only_test_cases_are_open():
            raise RuntimeError("This statement must be durable; end the transaction.")
        self.ensure_connection()
        self.confine()
        connection = self.connection
        try:
            yield
        except OperationalError as error:
            if connection.closed:
                raise CommitOutcomeUnknown(*error.args) from error
            raise

    def confine(self) -> None:
        """Let the session know whose rows the next statement may touch."""
        if self.connection is not None:
            with self.wrap_database_errors:
                self._applied.keep_up(self.connection)

    def prepared(self) -> ConfinedCursor:
        """Return a cursor for what is said often, always in the same words.

        PostgreSQL parses and plans such a statement once in a connection, and its
        values stand beside it. Others are planned faster for the values they have.
        """
        self.ensure_connection()
        with self.wrap_database_errors:
            cursor = PreparedCursor(self.connection)
        found: ConfinedCursor = self._prepare_cursor(cursor)  # type: ignore[attr-defined]  # -- django-stubs leaves it out
        return found

    def make_cursor(self, cursor: Any) -> ConfinedCursor:  # noqa: ANN401 -- any cursor of psycopg's
        """Wrap a cursor so that the session knows whose rows it may touch."""
        return ConfinedCursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> ConfinedDebugCursor:  # noqa: ANN401 -- any cursor of psycopg's
        """Do the same, and remember the statements."""
        return ConfinedDebugCursor(cursor, self)

    def before_commit(self, writer: Writer, items: Iterable[object]) -> None:
        """Hand the items, with the others of their writer, to it before the commit.

        Those that were deferred inside a savepoint vanish with it.
        """
        inside = tuple(self.savepoint_ids)
        self._deferred.extend((inside, writer, item) for item in items)

    @async_unsafe
    def commit(self) -> None:
        """Write what was deferred, then commit."""
        try:
            self._write_deferred()
        except DatabaseError:
            # Atomic takes back what the database refused.
            raise
        except BaseException:
            self.rollback()
            raise
        super().commit()

    @async_unsafe
    def rollback(self) -> None:
        """Roll back, and forget what was deferred."""
        self._deferred = []
        self._applied.doubt()
        super().rollback()

    @async_unsafe
    def savepoint_rollback(self, sid: str) -> None:
        """Roll back to a savepoint, and forget what was deferred since."""
        try:
            super().savepoint_rollback(sid)
        finally:
            self._applied.doubt()
        self._deferred = [entry for entry in self._deferred if sid not in entry[0]]

    @async_unsafe
    def savepoint_commit(self, sid: str) -> None:
        """Release a savepoint; in a test case it may stand for the commit."""
        if self._only_test_cases_are_open():
            self._write_deferred()
        super().savepoint_commit(sid)

    def set_autocommit(
        self,
        autocommit: bool,
        force_begin_transaction_with_broken_autocommit: bool = False,
    ) -> None:
        """Set it, unless the connection was lost: a new one begins with it.

        Connecting for it alone would fail in an outage, and hide why the transaction
        failed; most of all, that the outcome of its COMMIT is unknown.
        """
        if self.connection is None and autocommit:
            self.validate_no_atomic_block()
            self.autocommit = True
        else:
            super().set_autocommit(
                autocommit, force_begin_transaction_with_broken_autocommit
            )

    @async_unsafe
    def connect(self) -> None:
        """Connect, with nothing deferred, and nobody confined."""
        self._deferred = []
        self._applied = Applied()
        super().connect()

    def _commit(self) -> None:
        connection = self.connection
        if connection is not None and is_aborted(connection):
            # PostgreSQL answers such a COMMIT with a rollback.
            self._applied.doubt()
        try:
            super()._commit()  # type: ignore[misc]  # -- django-stubs leaves it out
        except OperationalError as error:
            if connection is not None and connection.closed:
                raise CommitOutcomeUnknown(*error.args) from error
            raise

    def _write_deferred(self) -> None:
        if self._deferred:
            self.confine()
        while self._deferred:
            deferred, self._deferred = self._deferred, []
            for writer, entries in groupby(deferred, key=lambda entry: entry[1]):
                writer([item for _, _, item in entries])

    def _only_test_cases_are_open(self) -> bool:
        blocks = self.atomic_blocks
        return bool(blocks) and all(
            getattr(block, "_from_testcase", False) for block in blocks
        )


def _forget_inherited_pools() -> None:
    # A forked child has the parent's pools, but none of their threads; it keeps them
    # so that their end does not say good-bye on the parent's connections.
    global _making_pools  # noqa: PLW0603 -- the parent may have held it
    _making_pools = threading.Lock()
    _inherited.extend(DatabaseWrapper._connection_pools.values())
    DatabaseWrapper._connection_pools.clear()


os.register_at_fork(after_in_child=_forget_inherited_pools)

"""The database backend that settings name `opencore.postgresql`."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from django.db.backends.postgresql import base
from django.db.utils import OperationalError
from django.utils.asyncio import async_unsafe

from opencore.postgresql.errors import CommitOutcomeUnknown

Writer = Callable[[Sequence[Any]], None]


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL with deferred writes that run, together, right before the commit."""

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        super().__init__(settings_dict, alias)
        self._deferred: list[tuple[set[str | None], Writer, Any]] = []

    def before_commit(self, writer: Writer, item: object) -> None:
        """Hand the item, with the others of its writer, to it before the commit.

        An item that was deferred inside a savepoint vanishes with it.
        """
        self._deferred.append((set(self.savepoint_ids), writer, item))

    @async_unsafe
    def commit(self) -> None:
        """Write what was deferred, then commit."""
        try:
            self._write_deferred()
        except BaseException:
            self.rollback()
            raise
        super().commit()

    @async_unsafe
    def rollback(self) -> None:
        """Roll back, and forget what was deferred."""
        self._deferred = []
        super().rollback()

    @async_unsafe
    def savepoint_rollback(self, sid: str) -> None:
        """Roll back to a savepoint, and forget what was deferred since."""
        super().savepoint_rollback(sid)
        self._deferred = [entry for entry in self._deferred if sid not in entry[0]]

    @async_unsafe
    def savepoint_commit(self, sid: str) -> None:
        """Release a savepoint; in a test case it may stand for the commit."""
        if self._only_test_cases_are_open():
            self._write_deferred()
        super().savepoint_commit(sid)

    @async_unsafe
    def connect(self) -> None:
        """Connect, with nothing deferred."""
        self._deferred = []
        super().connect()

    def _commit(self) -> None:
        connection = self.connection
        try:
            super()._commit()  # type: ignore[misc] -- django-stubs leaves it out
        except OperationalError as error:
            if connection is not None and connection.closed:
                raise CommitOutcomeUnknown(*error.args) from error
            raise

    def _write_deferred(self) -> None:
        while self._deferred:
            deferred, self._deferred = self._deferred, []
            for writer, entries in groupby(deferred, key=lambda entry: entry[1]):
                writer([item for _, _, item in entries])

    def _only_test_cases_are_open(self) -> bool:
        blocks = self.atomic_blocks
        return bool(blocks) and all(
            getattr(block, "_from_testcase", False) for block in blocks
        )

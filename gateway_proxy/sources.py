"""Where a process gets its route table from, and in which order it believes them."""

import logging
from contextlib import AbstractContextManager

import psycopg

from gateway_proxy.board import Board, BoardUnreachable, Sighting
from gateway_proxy.core.documents import TableInvalid, changed, parse_document
from gateway_proxy.core.table import RouteTable
from gateway_proxy.defaults import default_table
from gateway_proxy.keeping import TableFile, TableFileDamaged
from gateway_proxy.selectors import Published, latest_published_apart

log = logging.getLogger(__name__)

DATABASE_DEADLINE = 1.0


class Sources(AbstractContextManager["Sources", None]):
    """Redis, PostgreSQL, a file, and the settings; none of them raises anything.

    It belongs to one thread.
    """

    def __init__(self, board: Board, file: TableFile) -> None:
        self._board = board
        self._file = file
        self._looked_at: int | None = None
        # Whether Redis answered when it was asked last.
        self.reachable = True

    def first(self) -> RouteTable:
        """Return the table of a process that has none yet."""
        return self._from_redis() or self._from_database() or self.without_asking()

    def without_asking(self) -> RouteTable:
        """Return the table that was kept on disk, else that of the settings."""
        return self._from_disk() or _loaded(default_table(), "settings")

    def newer(self, table: RouteTable) -> RouteTable:
        """Return the table that hangs in Redis now, if it is another one."""
        try:
            version = self._board.version()
            self._note(reachable=True)
            if version is None or version in {self._looked_at, table.version}:
                return table
            if version < table.version and not _is_latest(version):
                # Redis forgot its last second; the newer one will hang there again.
                self._looked_at = version
                return table
            found = self._read_board()
        except BoardUnreachable as error:
            self._note(reachable=False, why=str(error))
            return table
        return table if found is None else _loaded(found, "redis", before=table.version)

    def sign(self, process: str, table: RouteTable) -> None:
        """Say in Redis which version a process runs, if Redis answers."""
        if not self.reachable:
            return
        try:
            self._board.sign(Sighting(process, table.version))
        except BoardUnreachable as error:
            self._note(reachable=False, why=str(error))

    def __exit__(self, *_error: object) -> None:
        self._board.close()

    def _from_redis(self) -> RouteTable | None:
        try:
            found = self._read_board()
        except BoardUnreachable as error:
            self._note(reachable=False, why=str(error))
            return None
        return None if found is None else _loaded(found, "redis")

    def _read_board(self) -> RouteTable | None:
        hung = self._board.read()
        if hung is None:
            return None
        self._looked_at = hung.version
        if not hung.is_ours:
            _refused(hung.version, "redis", "its seal is not this deployment's")
            return None
        try:
            published = Published(hung.version, parse_document(hung.changes))
        except TableInvalid as error:
            _refused(hung.version, "redis", str(error))
            return None
        return self._taken(published, "redis")

    def _from_database(self) -> RouteTable | None:
        try:
            published = latest_published_apart(deadline=DATABASE_DEADLINE)
        except psycopg.Error as error:
            log.warning("postgresql gave no route table", extra={"why": str(error)})
            return None
        if not published.version:
            return _loaded(default_table(), "settings")
        table = self._taken(published, "postgresql")
        return None if table is None else _loaded(table, "postgresql")

    def _from_disk(self) -> RouteTable | None:
        try:
            published = self._file.read()
        except (TableFileDamaged, OSError) as error:
            _refused(None, "disk", str(error))
            return None
        if published is None:
            return None
        table = _table(published, "disk")
        return None if table is None else _loaded(table, "disk")

    def _taken(self, published: Published, source: str) -> RouteTable | None:
        table = _table(published, source)
        if table is not None:
            try:
                self._file.write(published)
            except OSError as error:
                log.warning("route table was not kept", extra={"why": str(error)})
        return table

    def _note(self, *, reachable: bool, why: str = "") -> None:
        if reachable == self.reachable:
            return
        self.reachable = reachable
        if reachable:
            log.info("redis answers again; the route table is looked after")
        else:
            log.warning("redis is away; the route table stays", extra={"why": why})


def _table(published: Published, source: str) -> RouteTable | None:
    try:
        return changed(default_table(), published.changes, published.version)
    except TableInvalid as error:
        _refused(published.version, source, str(error))
        return None


def _is_latest(version: int) -> bool:
    try:
        latest = latest_published_apart(deadline=DATABASE_DEADLINE)
    except psycopg.Error:
        return False
    return latest.version == version


def _loaded(table: RouteTable, source: str, *, before: int | None = None) -> RouteTable:
    log.info(
        "route table loaded",
        extra={"source": source, "version": table.version, "before": before},
    )
    return table


def _refused(version: int | None, source: str, why: str) -> None:
    log.error(
        "route table refused",
        extra={"source": source, "version": version, "why": why},
    )

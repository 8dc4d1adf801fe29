"""Below which id nothing waits in a lane, so that no read passes dead rows."""

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic
from typing import Any, LiteralString

import psycopg

from outbox.publishing import LOCK_CLASS as KEY_LOCKS

RESCAN = timedelta(seconds=1)
# Rarely: with an old snapshot such a look passes over all that was delivered since.
FROM_THE_START = timedelta(hours=1)


class LowWatermark:
    """Below it nothing waits or can appear, so that no read passes dead rows.

    An id is taken before its transaction commits, so a lower id may become visible
    after a higher one. The mark therefore rises only to an id that was the highest
    at some moment, and only once every writer has ended that held the lock of a key
    then; and never over a row that still waits. A transaction that writes no event
    does not keep it down, however long it runs.
    """

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        self._settled = 0
        self._candidate: tuple[int, frozenset[str]] = (0, frozenset())
        self._marks: dict[int, int] = {}
        self._passed: dict[int, int] = {}
        self._looked_at = self._began_anew_at = float("-inf")
        self._replayed = 0

    def of(self, lanes: Sequence[int]) -> list[int]:
        """Return from where on each lane is to be read: its mark, or what was passed.

        The marks are looked up anew about once a second, and nothing is passed then.
        """
        stale = monotonic() - self._looked_at > RESCAN.total_seconds()
        if stale or any(lane not in self._marks for lane in lanes):
            self._look(lanes)
        return [self._passed.get(lane, self._marks[lane]) for lane in lanes]

    def pass_over(self, lane: int, up_to: int) -> None:
        """Let reads begin behind this id, if no lower one can appear any more.

        To be called when all that waits in the lane up to it is on its way, and nothing
        was left out: what is held now could be free at the next read, and so could
        what waits behind it.
        """
        if up_to <= self._settled:
            self._passed[lane] = up_to

    def come_back(self) -> None:
        """Let reads begin at the marks: what was on its way may have failed."""
        self._passed = {}

    def _look(self, lanes: Sequence[int]) -> None:
        self.come_back()
        self._settle()
        floors = self._floors()
        lowest = self._connection.execute(
            """
            select mine.lane, (
                select id from outbox_event e
                where e.lane = mine.lane and e.id > mine.floor order by id limit 1)
            from unnest(%s::smallint[], %s::bigint[]) as mine(lane, floor)
            """,
            [list(lanes), [floors.get(lane, 0) for lane in lanes]],
        ).fetchall()
        self._marks = {
            lane: self._settled if first is None else min(self._settled, first - 1)
            for lane, first in lowest
        }
        self._looked_at = monotonic()

    def _floors(self) -> dict[int, int]:
        # What was passed over once is passed over for good, so that a look does not
        # walk over all dead rows either. Only a replayed event returns to its old place.
        replayed = self._one(
            "select coalesce(sum(done), 0) from outbox_replay where action = 'replay'"
        )
        long_ago = monotonic() - self._began_anew_at > FROM_THE_START.total_seconds()
        if replayed == self._replayed and not long_ago:
            return self._marks
        self._replayed, self._began_anew_at = replayed, monotonic()
        return {}

    def _settle(self) -> None:
        highest, writers = self._candidate
        if writers.isdisjoint(self._writers()):
            self._settled = highest
            # The id is read first, the writers after it: whoever took a lower id, and
            # has not ended, is among them.
            self._candidate = (self._highest(), self._writers())
            if not self._candidate[1]:
                self._settled = self._candidate[0]

    def _highest(self) -> int:
        # A sequence that gave no id yet has a last value all the same.
        return self._one(
            "select last_value - (not is_called)::int from outbox_event_id_seq"
        )

    def _writers(self) -> frozenset[str]:
        return frozenset(
            writer
            for (writer,) in self._connection.execute(WRITERS, [KEY_LOCKS]).fetchall()
        )

    def _one(self, query: LiteralString) -> int:
        row = self._connection.execute(query).fetchone()
        return int(row[0]) if row is not None else 0


WRITERS = """
select virtualtransaction from pg_locks
where locktype = 'advisory' and classid = %s and objsubid = 2
  and database = (select oid from pg_database where datname = current_database())
"""

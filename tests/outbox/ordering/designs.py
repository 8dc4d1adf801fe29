"""Six ways to get events out of a table, three of them broken and all of them in use.

The first five are their published SQL in short, over one table of the lab; the sixth
is OpenCore's own code.
"""

from uuid import UUID, uuid4

from django.db import connection

from opencore.events.user.v1 import UserCreated
from outbox import publishing
from outbox.connecting import open_connection
from outbox.leases import LaneLost
from outbox.relay import Relay
from tests.outbox.events import person
from tests.outbox.ordering.lab import Broker, Design, Relaying
from tests.outbox.ordering.recording import RecordingPublisher

TURN = 5


def insert(key: str) -> UUID:
    """Write an event as all but ours do: where the transaction stands."""
    event_id = uuid4()
    with connection.cursor() as cursor:
        cursor.execute("insert into lab_outbox (event_id) values (%s)", [event_id])
    return event_id


def emit(key: str) -> UUID:
    """Write an event as OpenCore does."""
    return publishing.emit(UserCreated(user_id=person(key), email="x@example.com"))


class TableRelay(Relaying):
    """A relay that reads the lab's table over its own connection."""

    def __init__(self, broker: Broker) -> None:
        self._connection = open_connection(application_name="lab")
        self._broker = broker

    def close(self) -> None:
        self._connection.close()


class CursorRelay(TableRelay):
    """Remembers the last id it saw and reads on from there."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self._last = 0

    def step(self) -> int:
        rows = self._connection.execute(
            "select id, event_id from lab_outbox where id > %s order by id limit 100",
            [self._last],
        ).fetchall()
        if rows:
            self._broker.send([event_id for _, event_id in rows])
            self._last = rows[-1][0]
        return len(rows)


class FlagRelay(TableRelay):
    """Reads what is not yet marked as sent, in the order of ids."""

    def step(self) -> int:
        rows = self._connection.execute(
            "select id, event_id from lab_outbox where not sent order by id limit 100"
        ).fetchall()
        if rows:
            self._broker.send([event_id for _, event_id in rows])
            self._mark([row_id for row_id, _ in rows])
        return len(rows)

    def _mark(self, ids: list[int]) -> None:
        self._connection.execute(
            "update lab_outbox set sent = true where id = any(%s)", [ids]
        )


class SkipLockedRelay(FlagRelay):
    """One of several that share the rows, each locking those it sends."""

    def step(self) -> int:
        with self._connection.transaction():
            rows = self._connection.execute(
                "select id, event_id from lab_outbox where not sent order by id limit 10"
                " for update skip locked"
            ).fetchall()
            if rows:
                self._broker.send([event_id for _, event_id in rows])
                self._mark([row_id for row_id, _ in rows])
        return len(rows)


class TransactionIdRelay(TableRelay):
    """Reads on in the order of transaction ids, below the oldest that still runs."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self._last: tuple[int, int] = (0, 0)

    def step(self) -> int:
        rows = self._connection.execute(
            "select xid::text::bigint, id, event_id from lab_outbox"
            " where (xid, id) > (%s::text::xid8, %s)"
            " and xid < pg_snapshot_xmin(pg_current_snapshot())"
            " order by xid, id limit 100",
            self._last,
        ).fetchall()
        if rows:
            self._broker.send([event_id for *_, event_id in rows])
            self._last = (rows[-1][0], rows[-1][1])
        return len(rows)


class SnapshotRelay(TableRelay):
    """Reads what became visible between two snapshots, in the order of ids."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(broker)
        self._before = self._now()

    def step(self) -> int:
        now = self._now()
        rows = self._connection.execute(
            "select event_id from lab_outbox"
            " where pg_visible_in_snapshot(xid, %(now)s::pg_snapshot)"
            " and not pg_visible_in_snapshot(xid, %(before)s::pg_snapshot)"
            " order by id",
            {"now": now, "before": self._before},
        ).fetchall()
        self._before = now
        if rows:
            self._broker.send([event_id for (event_id,) in rows])
        return len(rows)

    def _now(self) -> str:
        row = self._connection.execute("select pg_current_snapshot()::text").fetchone()
        assert row is not None
        return str(row[0])


class OurRelay(Relaying):
    """OpenCore's relay, which gives its lanes to the others after each few batches."""

    def __init__(self, broker: Broker) -> None:
        self._publisher = RecordingPublisher(broker)
        self._begin()

    def step(self) -> int:
        try:
            return self._turn()
        except LaneLost:
            # As whoever runs a relay does: the connection goes, and all it held.
            self.close()
            self._begin()
            return 1

    def close(self) -> None:
        self._connection.close()

    def _turn(self) -> int:
        if not self._relay.take_lanes():
            return 0
        sent = sum(self._relay.relay_batch().sent for _ in range(TURN))
        sent += self._relay.finish().sent
        self._relay.give_back_lanes()
        return sent

    def _begin(self) -> None:
        self._connection = open_connection(application_name="lab")
        self._relay = Relay(
            connection=self._connection, publisher=self._publisher, name=str(id(self))
        )


CURSOR = Design("R1 cursor over ids, 1 relay", 1, insert, CursorRelay)
FLAG = Design("R2 flag, by id, 1 relay", 1, insert, FlagRelay)
SKIP_LOCKED = Design("R3 rows skip locked, 4 relays", 4, insert, SkipLockedRelay)
TRANSACTION_ID = Design("R4 by transaction id, 1 relay", 1, insert, TransactionIdRelay)
SNAPSHOTS = Design("R5 between snapshots, 1 relay", 1, insert, SnapshotRelay)
OURS = Design("R6 OpenCore, 4 relays", 4, emit, OurRelay)

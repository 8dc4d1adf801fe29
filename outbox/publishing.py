"""The door for those who have something to tell: `emit`."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, cast
from uuid import UUID
from zlib import crc32

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections

from opencore.context import current_causation_id, current_request_id
from opencore.events import CATALOGUE, Event
from opencore.ids import uuid7
from opencore.postgresql.base import DatabaseWrapper
from opencore.postgresql.preparing import PreparedCursor
from outbox import doorbell
from outbox.ceiling import refuse_above_ceiling
from outbox.envelope import encode, source_of

STRIPES = 4096
LOCK_CLASS = 0x0C0B  # the first half of the two-part advisory lock of a stripe


class NotInTransaction(RuntimeError):
    """An event was emitted where no transaction holds it together with its change."""


class EventUnknown(LookupError):
    """The event's class does not stand in the catalogue."""


class EventTooLarge(ValueError):
    """The event is larger than consumers promise to accept."""


class StoredEvent(NamedTuple):
    """An event as the table takes it."""

    lane: int
    event_id: UUID
    type: str
    topic: str
    key: str
    payload: bytes
    request_id: str | None
    occurred_at: datetime

    @property
    def stripe(self) -> int:
        """Return the lock that orders the writers of this key."""
        return stripe_of(self.key)


def lane_of(key: str) -> int:
    """Return the lane that all events of this key share."""
    lanes: int = settings.OUTBOX_LANES
    return crc32(key.encode()) % lanes


def stripe_of(key: str) -> int:
    """Return the lock that orders the writers of this key."""
    return crc32(key.encode()) % STRIPES


def lock_stripes(stripes: Iterable[int]) -> None:
    """Let nobody else write events of these stripes until the commit.

    To be called in a statement of its own before ids are taken, so that they are taken
    while the locks are held, by a transaction that has a number already.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock(%s, stripe), pg_current_xact_id()"
            " from unnest(%s::int[]) as stripe",
            # Sorted, so that two writers never wait for each other.
            [LOCK_CLASS, sorted(set(stripes))],
        )


def emit(event: Event) -> UUID:
    """Store the event with the caller's change and return its id.

    Kafka gets it after the commit. The row is written right before the commit, under
    a lock on its key, so that the order of ids is the order of commits. Raises
    NotInTransaction, EventUnknown, EventDataInvalid (a number of more than 64 bits) or
    EventTooLarge, and then nothing is stored; and OutboxBacklog above the ceiling, if
    there is one, but never for what an event caused or for an urgent event.
    """
    (event_id,) = emit_all([event])
    return event_id


def emit_all(events: Sequence[Event]) -> list[UUID]:
    """Do what `emit` does for many events, all or none, and return their ids.

    They are of one moment, and keep their order.
    """
    database = cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])
    if not _in_transaction(database):
        raise NotInTransaction("Events are emitted in transaction.atomic() alone.")
    if current_causation_id() is None and not all(event.urgent for event in events):
        refuse_above_ceiling()
    stored = _prepare(events)
    database.before_commit(_write, stored)
    _ring_after_commit(database)
    return [event.event_id for event in stored]


def _in_transaction(database: DatabaseWrapper) -> bool:
    # A test case's own transaction does not count: it would hide the missing one.
    return any(
        not getattr(block, "_from_testcase", False) for block in database.atomic_blocks
    )


def _prepare(events: Sequence[Event]) -> list[StoredEvent]:
    now, most = datetime.now(UTC), settings.OUTBOX_MAX_EVENT_BYTES
    request_id, causation_id = current_request_id(), current_causation_id()
    stored = []
    for event in events:
        if CATALOGUE.get(event.type) is not type(event):
            raise EventUnknown(f"{type(event).__name__} is not in the catalogue.")
        event_id, key = uuid7(), str(event.key)
        payload = encode(
            event,
            key,
            event_id=event_id,
            source=source_of(event.type),
            occurred_at=now,
            request_id=request_id,
            causation_id=causation_id,
        )
        if len(payload) > most:
            raise EventTooLarge(
                f"{event.type} has {len(payload)} bytes; {most} are allowed."
            )
        topic, lane = event.topic(), lane_of(key)
        row = (lane, event_id, event.type, topic, key, payload, request_id, now)
        stored.append(StoredEvent._make(row))
    return stored


def _ring_after_commit(database: DatabaseWrapper) -> None:
    if not any(entry[1] is doorbell.ring for entry in database.run_on_commit):
        database.on_commit(doorbell.ring, robust=True)


def _write(events: Sequence[StoredEvent]) -> None:
    with (
        connection.wrap_database_errors,
        PreparedCursor(connection.connection) as cursor,
    ):
        if len(events) == 1:
            (event,) = events
            cursor.execute(WRITE_ONE, [LOCK_CLASS, event.stripe, *event])
            return
        # Sorted, so that two writers never wait for each other.
        cursor.execute(LOCK, [LOCK_CLASS, sorted({event.stripe for event in events})])
        with cursor.copy(WRITE) as rows:
            rows.set_types(TYPES)
            for event in events:
                rows.write_row(event)


COLUMNS = "lane, event_id, type, topic, key, payload, request_id, occurred_at"
TYPES = ("int2", "uuid", "text", "text", "text", "bytea", "text", "timestamptz")
# Lock and row in one round trip: one event is what nearly all transactions tell. The row
# is made of the lock, so that no id is taken before.
WRITE_ONE = f"""
with locked as materialized (select pg_advisory_xact_lock(%b::int, %b::int))
insert into outbox_event ({COLUMNS})
select %b::smallint, %b::uuid, %b::text, %b::text, %b::text,
       %b::bytea, %b::text, %b::timestamptz
from locked
"""  # noqa: S608 -- made of constants
LOCK = (
    "select count(pg_advisory_xact_lock(%b, stripe)) from unnest(%b::int[]) as stripe"
)
WRITE = f"copy outbox_event ({COLUMNS}) from stdin (format binary)"

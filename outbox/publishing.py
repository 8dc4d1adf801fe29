"""The door for those who have something to tell: `emit`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID
from zlib import crc32

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from opencore.context import current_causation_id, current_request_id
from opencore.events import CATALOGUE, Event
from opencore.ids import uuid7
from opencore.postgresql.base import DatabaseWrapper
from outbox import doorbell
from outbox.ceiling import refuse_above_ceiling
from outbox.envelope import Envelope, source_of, to_bytes

STRIPES = 4096
LOCK_CLASS = 0x0C0B  # the first half of the two-part advisory lock of a stripe


class NotInTransaction(RuntimeError):
    """An event was emitted where no transaction holds it together with its change."""


class EventUnknown(LookupError):
    """The event's class does not stand in the catalogue."""


class EventTooLarge(ValueError):
    """The event is larger than consumers promise to accept."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the table takes it."""

    event_id: UUID
    type: str
    topic: str
    key: str
    payload: bytes
    request_id: str | None
    occurred_at: datetime

    @property
    def lane(self) -> int:
        """Return the lane that all events of this key share."""
        return lane_of(self.key)

    @property
    def stripe(self) -> int:
        """Return the lock that orders the writers of this key."""
        return stripe_of(self.key)


def lane_of(key: str) -> int:
    """Return the lane that all events of this key share."""
    return crc32(key.encode()) % int(settings.OUTBOX_LANES)


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
    NotInTransaction, EventUnknown or EventTooLarge, and then nothing is stored; and
    OutboxBacklog above the ceiling, if there is one, but never for what an event caused
    or for an urgent event.
    """
    if not _in_transaction():
        raise NotInTransaction(f"emit({event.type}) needs transaction.atomic().")
    if not event.urgent and current_causation_id() is None:
        refuse_above_ceiling()
    stored = _prepare(event)
    cast("DatabaseWrapper", connection).before_commit(_write, stored)
    _ring_after_commit()
    return stored.event_id


def _in_transaction() -> bool:
    # A test case's own transaction does not count: it would hide the missing one.
    return any(
        not getattr(block, "_from_testcase", False)
        for block in connection.atomic_blocks
    )


def _prepare(event: Event) -> StoredEvent:
    if CATALOGUE.get(event.type) is not type(event):
        raise EventUnknown(f"{type(event).__name__} is not in the catalogue.")
    event_id, now = uuid7(), timezone.now()
    request_id = current_request_id()
    payload = to_bytes(
        Envelope(
            event_id=event_id,
            source=source_of(event.type),
            occurred_at=now,
            event=event,
            request_id=request_id,
            causation_id=current_causation_id(),
        )
    )
    if len(payload) > settings.OUTBOX_MAX_EVENT_BYTES:
        raise EventTooLarge(
            f"{event.type} has {len(payload)} bytes;"
            f" {settings.OUTBOX_MAX_EVENT_BYTES} are allowed."
        )
    return StoredEvent(
        event_id=event_id,
        type=event.type,
        topic=event.topic(),
        key=str(event.key),
        payload=payload,
        request_id=request_id,
        occurred_at=now,
    )


def _ring_after_commit() -> None:
    waiting = cast("DatabaseWrapper", connection).run_on_commit
    if not any(entry[1] is doorbell.ring for entry in waiting):
        transaction.on_commit(doorbell.ring, robust=True)


def _write(events: Sequence[StoredEvent]) -> None:
    # Values go beside the statement, in binary: to quote those of a thousand events
    # takes longer than to insert them.
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(connection.connection) as cursor,
    ):
        cursor.execute(
            WRITE,
            [
                LOCK_CLASS,
                # Sorted, so that two writers never wait for each other.
                sorted({event.stripe for event in events}),
                [event.lane for event in events],
                [event.event_id for event in events],
                [event.type for event in events],
                [event.topic for event in events],
                [event.key for event in events],
                [event.payload for event in events],
                [event.request_id for event in events],
                [event.occurred_at for event in events],
            ],
        )


# Locks and rows in one round trip. The rows are joined to the count of the locks, so
# that no id is taken before all locks are.
WRITE = """
with locked as materialized (
    select pg_advisory_xact_lock(%b::int, stripe) from unnest(%b::int[]) as stripe
)
insert into outbox_event
    (lane, event_id, type, topic, key, payload, request_id, occurred_at)
select event.*
from (select count(*) from locked) as all_locked, unnest(
    %b::smallint[], %b::uuid[], %b::text[], %b::text[], %b::text[],
    %b::bytea[], %b::text[], %b::timestamptz[]) as event
"""

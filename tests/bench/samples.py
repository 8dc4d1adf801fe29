"""The events of all benches: real envelopes of 500 bytes, each of its own person."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from uuid import UUID, uuid4

import psycopg
from django.conf import settings

from opencore.events.user.v1 import UserCreated
from opencore.postgresql.deadline import DeadlineConnection
from outbox.connecting import open_connection
from outbox.envelope import Envelope, source_of, to_bytes

SIZE = 500
PATIENCE = 300.0
TOPIC = UserCreated.topic()
NOBODY = UUID("00000000-0000-7000-8000-000000000000")
NO_EVENT = UUID("00000000-0000-7000-8000-000000000001")
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def new_event() -> UserCreated:
    """Return an event whose envelope has the size."""
    return UserCreated(user_id=uuid4(), email="a" * _room() + "@example.com")


@cache
def template() -> bytes:
    """Return an envelope of the size, to be filled with ids."""
    event = UserCreated(user_id=NOBODY, email="a" * _room() + "@example.com")
    return _enveloped(event)


def payload_of(event_id: UUID, user_id: UUID) -> bytes:
    """Return the envelope of one event."""
    text = template().replace(str(NO_EVENT).encode(), str(event_id).encode())
    return text.replace(str(NOBODY).encode(), str(user_id).encode())


def fill(events: int, *, schema: str = "public") -> None:
    """Empty an outbox and put so many waiting events into it."""
    with patient(schema) as own:
        own.execute("truncate outbox_event, outbox_archive")
        own.execute(FILL, {**values(), "events": events})
        own.execute("vacuum analyze outbox_event")


def add(events: int) -> None:
    """Put so many more waiting events into the outbox."""
    with patient() as own:
        own.execute(FILL, {**values(), "events": events})


def patient(schema: str = "public") -> "psycopg.Connection[tuple[object, ...]]":
    """Connect without the deadlines that requests have."""
    options = f"-c search_path={schema},public"
    return psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, options=options)


@contextmanager
def own_connection(schema: str = "public") -> Iterator[DeadlineConnection]:
    """Connect as a relay does, but wait as long as it takes on a busy machine."""
    with open_connection(application_name="bench") as own:
        own.execute("set statement_timeout = 0")
        own.execute(f"set search_path = {schema}, public".encode())
        assert isinstance(own, DeadlineConnection)
        own.deadline = PATIENCE
        yield own


@contextmanager
def outbox_aside(schema: str) -> Iterator[None]:
    """Have one more table of waiting events, beside the first and made as it is."""
    with patient() as own:
        own.execute(f"drop schema if exists {schema} cascade".encode())
        own.execute(f"create schema {schema}".encode())
        made = f"{schema}.outbox_event"
        like = f"create table {made} (like outbox_event including all)"
        own.execute(like.encode())
        (options,) = own.execute(OPTIONS_OF_TABLE).fetchone() or ("",)
        own.execute(f"alter table {made} set ({options})".encode())
        yield
        own.execute(f"drop schema {schema} cascade".encode())


def values() -> dict[str, object]:
    """Return what a statement needs that makes events out of the template."""
    return {
        "lanes": settings.OUTBOX_LANES,
        "type": UserCreated.type,
        "topic": TOPIC,
        "template": template().decode(),
        "event": str(NO_EVENT),
        "key": str(NOBODY),
    }


@cache
def _room() -> int:
    bare = _enveloped(UserCreated(user_id=NOBODY, email="@example.com"))
    return SIZE - len(bare)


def _enveloped(event: UserCreated) -> bytes:
    return to_bytes(
        Envelope(
            event_id=NO_EVENT,
            source=source_of(event.type),
            occurred_at=SOME_DAY,
            event=event,
        )
    )


OPTIONS_OF_TABLE = """
select array_to_string(reloptions, ', ') from pg_class
where oid = 'public.outbox_event'::regclass
"""

FILL = """
insert into outbox_event
    (lane, event_id, type, topic, key, payload, occurred_at)
select n %% %(lanes)s, event_id, %(type)s, %(topic)s, key::text,
       convert_to(
           replace(replace(%(template)s, %(event)s, event_id::text),
                   %(key)s, key::text), 'UTF8'),
       now()
from (select n, uuidv7() as event_id, gen_random_uuid() as key
      from generate_series(1, %(events)s) as n) as new
"""

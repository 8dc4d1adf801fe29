"""Emits for tests: short facts about people with names."""

from typing import Any
from uuid import UUID, uuid5

import psycopg
from django.db import transaction

from opencore.events.user.v1 import SessionRevoked, UserCreated
from outbox.publishing import LOCK_CLASS, _prepare, emit, emit_all

PEOPLE = UUID("0192f0c1-0000-7000-8000-000000000000")


def person(name: str) -> UUID:
    """Return the id that this person always has."""
    return uuid5(PEOPLE, name)


def tell_of(name: str, *, email: str | None = None) -> UUID:
    """Emit that this person was created, in a transaction of its own."""
    with transaction.atomic():
        return emit(
            UserCreated(user_id=person(name), email=email or f"{name}@example.com")
        )


def tell_session_ended(name: str, reason: str = "logout") -> UUID:
    """Emit that a session of this person ended."""
    with transaction.atomic():
        return emit(
            SessionRevoked(user_id=person(name), session_id=person("s"), reason=reason)
        )


def insert_as_a_writer_does(writer: "psycopg.Connection[Any]", name: str) -> UUID:
    """Take a lock and an id, as `emit` does, and leave the commit to the test."""
    writer.execute(
        "select pg_advisory_xact_lock(%s, 1), pg_current_xact_id()", [LOCK_CLASS]
    )
    event = UserCreated(user_id=person(name), email="late@example.com")
    (stored,) = _prepare([event])
    writer.execute(
        "insert into outbox_event"
        " (lane, event_id, type, topic, key, payload, occurred_at)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        [
            stored.lane,
            stored.event_id,
            stored.type,
            stored.topic,
            stored.key,
            stored.payload,
            stored.occurred_at,
        ],
    )
    return stored.event_id


def tell_of_many(count: int) -> list[UUID]:
    """Emit that so many people were created, in one transaction."""
    with transaction.atomic():
        return emit_all(
            [
                UserCreated(user_id=person(str(number)), email="x@example.com")
                for number in range(count)
            ]
        )

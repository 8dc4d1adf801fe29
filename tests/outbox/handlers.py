"""Handlers that keep what they got, and messages for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from opencore.context import current_causation_id, current_request_id
from opencore.events import Event
from opencore.events.user.v1 import SessionRevoked, UserCreated
from opencore.ids import uuid7
from outbox.consuming import Handler, Handling, Place, current_place, one_by_one
from outbox.envelope import Envelope, to_bytes
from outbox.receiving import Received
from tests.outbox.events import person


@dataclass
class Handlers:
    """Two handlers that keep what they got, and fail for the keys they are told to."""

    handled: list[UUID] = field(default_factory=list)
    failing: set[UUID] = field(default_factory=set)
    context: list[tuple[str | None, UUID | None]] = field(default_factory=list)
    away: int = 0
    transactions: list[int] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def on_user(self, event: UserCreated, event_id: UUID) -> None:
        self._handle(event, event_id)

    def on_session(self, event: SessionRevoked, event_id: UUID) -> None:
        self._handle(event, event_id)

    def _handle(self, event: Event, event_id: UUID) -> None:
        if self.away:
            self.away -= 1
            with connection.cursor() as cursor:
                cursor.execute("select pg_terminate_backend(pg_backend_pid())")
        if event.key in self.failing:
            raise ValueError("not today")
        with connection.cursor() as cursor:
            cursor.execute("select pg_current_xact_id()::text::bigint")
            self.transactions.append(cursor.fetchone()[0])
        self.context.append((current_request_id(), current_causation_id()))
        self.places.append(current_place())
        self.handled.append(event_id)


def handled_by(
    handlers: Mapping[str, Handler[Any]], *, in_batches: bool = False
) -> dict[str, Handling]:
    """Return how a consumer of these handlers handles events, by their types."""
    return {
        kind: Handling(name=kind, handle=one_by_one(handler), in_batches=in_batches)
        for kind, handler in handlers.items()
    }


offsets = iter(range(1_000_000))


def created(name: str) -> Received:
    return _received(UserCreated(user_id=person(name), email=f"{name}@example.com"))


def session_ended(name: str) -> Received:
    return _received(
        SessionRevoked(user_id=person(name), session_id=person("s"), reason="logout")
    )


def id_of(received: Received) -> UUID:
    return UUID(dict(received.headers)["ce_id"].decode())


def _received(event: Event) -> Received:
    event_id = uuid7()
    envelope = Envelope(
        event_id=event_id,
        source="https://opencore.invalid/user",
        occurred_at=timezone.now(),
        event=event,
        request_id="request-1",
    )
    return Received(
        topic=event.topic(),
        partition=0,
        offset=next(offsets),
        key=str(event.key),
        payload=to_bytes(envelope),
        headers=[("ce_id", str(event_id).encode())],
    )

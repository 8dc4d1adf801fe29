"""Dead letters for tests, made by the engine itself or, in numbers, by hand."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.test import override_settings
from django.utils import timezone

from opencore.events import Event
from opencore.events.user.v1 import UserCreated
from opencore.ids import uuid7
from outbox.consumer import Consumer
from outbox.envelope import Envelope, to_bytes
from outbox.models import DeadLetter, Hold, Replay
from outbox.receiving import Received
from outbox.relay import Relay
from outbox.replay import Selection, replay
from tests.outbox.events import person, tell_of
from tests.outbox.fakes import KafkaSpy

TOO_LARGE = "a" * 2000


def bury(relay: Relay, kafka: KafkaSpy, *names: str) -> list[UUID]:
    """Let Kafka refuse the event of each person for good; return the events' ids."""
    event_ids = [tell_of(name, email=TOO_LARGE) for name in names]
    largest, kafka.largest = kafka.largest, 1000
    with override_settings(OUTBOX_MAX_ATTEMPTS=1):
        relay.relay_batch()
    kafka.largest = largest
    return event_ids


def bury_at_consumer(consumer: Consumer, *messages: Received) -> None:
    """Let the handler, which must be failing, give the first message up."""
    for message in messages:
        consumer.accept(message)
    Hold.objects.update(resume_at=timezone.now())
    with override_settings(OUTBOX_MAX_ATTEMPTS=1):
        consumer.retry_parked()


def store_letters(
    count: int,
    *,
    held: bool = True,
    reason: str = "event",
    failed_at: datetime | None = None,
) -> list[DeadLetter]:
    """Store letters of the relay, each of another person, as the relay does."""
    letters = DeadLetter.objects.bulk_create(
        _letter(f"person-{number}", number, held, reason, failed_at)
        for number in range(1, count + 1)
    )
    if held:
        Hold.objects.bulk_create(hold_of(letter) for letter in letters)
    return letters


def hold_of(letter: DeadLetter) -> Hold:
    """Return the hold that lets a letter's successors wait."""
    return Hold(
        scope=letter.scope,
        topic=letter.topic,
        key=letter.key,
        event_id=letter.event_id,
        reason=letter.error,
    )


def message_of(event: Event, *, offset: int, event_id: UUID | None = None) -> Received:
    """Return the message by which Kafka tells a consumer of this event."""
    envelope = _envelope(event, event_id or uuid7())
    return Received(
        topic=event.topic(),
        partition=0,
        offset=offset,
        key=str(event.key),
        payload=to_bytes(envelope),
        headers=[("ce_id", str(envelope.event_id).encode())],
    )


def replay_all(
    *,
    ids: Sequence[UUID] = (),
    action: Replay.Action = Replay.Action.REPLAY,
    limit: int | None = None,
    stop_on_failure_rate: float | None = None,
) -> Replay:
    """Decide all letters that wait, or those named, as grace."""
    return replay(
        selection=Selection(ids=tuple(ids)),
        action=action,
        actor="grace@example.com",
        reason="the limit was raised",
        rate=None,
        limit=limit,
        stop_on_failure_rate=stop_on_failure_rate,
    )


def outcome(operation: Replay) -> tuple[str, int, int, int]:
    """Return how an operation ended, and its counts."""
    return (operation.state, operation.planned, operation.done, operation.refused)


def _letter(
    name: str, position: int, held: bool, reason: str, failed_at: datetime | None
) -> DeadLetter:
    event = UserCreated(user_id=person(name), email=f"{name}@example.com")
    envelope = _envelope(event, uuid7())
    return DeadLetter(
        scope="relay",
        position=position,
        lane=0,
        event_id=envelope.event_id,
        type=event.type,
        topic=event.topic(),
        key=str(event.key),
        payload=to_bytes(envelope),
        request_id="request-1",
        occurred_at=envelope.occurred_at,
        attempts=8,
        reason=reason,
        error=f"message of {position} bytes is too large",
        failed_at=failed_at or timezone.now(),
        holds_key=held,
    )


def _envelope(event: Event, event_id: UUID) -> Envelope:
    return Envelope(
        event_id=event_id,
        source="https://opencore.invalid/user",
        occurred_at=timezone.now(),
        event=event,
        request_id="request-1",
    )

"""Carries out one decision about one dead letter, in the caller's transaction."""

from datetime import datetime
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from psycopg.errors import LockNotAvailable

from outbox import doorbell, parking
from outbox.backlog import RELAY
from outbox.consuming import ConsumerUnknown, handlings_of
from outbox.envelope import EnvelopeInvalid, EventDataInvalid, from_bytes
from outbox.models import DeadLetter, Hold, OutboxEvent, ParkedMessage, Replay
from outbox.publishing import StoredEvent, lane_of, lock_stripes


class LetterRefused(Exception):
    """This letter can't be decided so; the others can."""


def resolve(
    *,
    letter_id: UUID,
    action: Replay.Action,
    actor: str,
    reason: str,
    died_at: datetime | None = None,
) -> DeadLetter:
    """Send the letter on again, or give it up; raise LetterRefused with why not.

    Of two who decide at once, one is refused. With a time, so is a letter that died
    again since: nobody has seen what it died of.
    """
    letter = DeadLetter.objects.filter(id=letter_id).first()
    if letter is None:
        raise LetterRefused("There is no such dead letter any more.")
    send = _send_event if letter.scope == RELAY else _send_message
    act = send if action == Replay.Action.REPLAY else _give_up
    _lock_key(letter)
    _claim(letter, action=action, actor=actor, reason=reason, died_at=died_at)
    act(letter)
    transaction.on_commit(doorbell.ring, robust=True)
    return letter


def _lock_key(letter: DeadLetter) -> None:
    # First of all, as writers and consumers do, so that none waits for another.
    try:
        if letter.scope == RELAY:
            lock_stripes([_stored(letter).stripe])
        else:
            parking.lock_keys(consumer=letter.scope, keys=[(letter.topic, letter.key)])
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise LetterRefused("Its key is being worked on; try again.") from error
        raise


def _claim(
    letter: DeadLetter,
    *,
    action: Replay.Action,
    actor: str,
    reason: str,
    died_at: datetime | None,
) -> None:
    replayed = action == Replay.Action.REPLAY
    same = {} if died_at is None else {"failed_at": died_at}
    claimed = (
        DeadLetter.objects.waiting()
        .filter(id=letter.id, **same)
        .update(
            state=DeadLetter.State.REPLAYED if replayed else DeadLetter.State.DISCARDED,
            resolved_at=Now(),
            resolved_by=actor,
            resolved_reason=reason,
            replay_count=F("replay_count") + int(replayed),
        )
    )
    if not claimed:
        letter.refresh_from_db()
        if letter.state == DeadLetter.State.WAITING:
            raise LetterRefused("It died again since it was looked at; plan anew.")
        raise LetterRefused(
            f"It was {letter.state} by {letter.resolved_by}"
            f" at {letter.resolved_at:%Y-%m-%d %H:%M:%S} UTC."
        )


def _send_event(letter: DeadLetter) -> None:
    # In its old place and under its old id: ahead of those that wait for it, and
    # known to whoever has had it. Its hold goes when Kafka has acknowledged it.
    if letter.position is None:
        raise LetterRefused("It has no place in the outbox.")
    stored = _stored(letter)
    OutboxEvent.objects.create(
        id=letter.position,
        lane=stored.lane,
        event_id=stored.event_id,
        type=stored.type,
        topic=stored.topic,
        key=stored.key,
        payload=stored.payload,
        headers=letter.headers,
        request_id=stored.request_id,
        occurred_at=stored.occurred_at,
    )


def _send_message(letter: DeadLetter) -> None:
    if letter.partition is None or letter.offset is None:
        raise LetterRefused("It has no place in Kafka's log.")
    event_id, event_type = _read(letter)
    ParkedMessage.objects.bulk_create(
        [
            ParkedMessage(
                id=letter.position,
                consumer=letter.scope,
                topic=letter.topic,
                partition=letter.partition,
                offset=letter.offset,
                key=letter.key,
                event_id=event_id,
                type=event_type,
                payload=letter.payload,
                headers=letter.headers,
                attempts=0,
            )
        ],
        # Kafka may have told of it again; then it waits in line already.
        ignore_conflicts=True,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            insert into outbox_hold (scope, topic, key, event_id, reason, resume_at)
            values (%s, %s, %s, %s, 'replayed', now())
            on conflict (scope, topic, key) do update set resume_at = now()
            where outbox_hold.event_id = excluded.event_id
            """,
            [letter.scope, letter.topic, letter.key, event_id],
        )


def _give_up(letter: DeadLetter) -> None:
    Hold.objects.filter(
        scope=letter.scope,
        topic=letter.topic,
        key=letter.key,
        event_id=letter.event_id,
        event_id__isnull=False,
    ).delete()


def _read(letter: DeadLetter) -> tuple[UUID, str]:
    try:
        envelope = from_bytes(bytes(letter.payload))
        handled = envelope.event.type in handlings_of(letter.scope)
    except (EnvelopeInvalid, EventDataInvalid) as error:
        raise LetterRefused(f"It still can't be read: {error}") from error
    except ConsumerUnknown as error:
        raise LetterRefused(str(error)) from error
    if not handled:
        raise LetterRefused(f"{letter.scope} does not handle {envelope.event.type}.")
    return envelope.event_id, envelope.event.type


def _stored(letter: DeadLetter) -> StoredEvent:
    if letter.event_id is None or letter.occurred_at is None:
        raise LetterRefused("It has no event id or no time.")
    return StoredEvent(
        lane=lane_of(letter.key),
        event_id=letter.event_id,
        type=letter.type,
        topic=letter.topic,
        key=letter.key,
        payload=bytes(letter.payload),
        request_id=letter.request_id,
        occurred_at=letter.occurred_at,
    )

"""Messages that wait in PostgreSQL, in order, behind a failure of their key."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID
from zlib import crc32

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from outbox.backoff import wait_before
from outbox.envelope import Envelope
from outbox.failures import Failure
from outbox.models import Attempt, DeadLetter, Hold, ParkedMessage
from outbox.receiving import Received

LOCK_CLASS = 0x0C0D  # the first half of the two-part advisory lock of a consumed key
UNREADABLE = "unreadable"

Place = tuple[str, str]  # a topic and a key in it


def lock_keys(*, consumer: str, keys: Iterable[Place]) -> None:
    """Let nobody else apply, park or retry events of these keys until the commit."""
    numbers = sorted(
        {crc32(f"{consumer}\n{topic}\n{key}".encode()) - 2**31 for topic, key in keys}
    )
    with connection.cursor() as cursor:
        # Sorted, so that two consumers never wait for each other.
        cursor.execute(
            "select pg_advisory_xact_lock(%s, number) from unnest(%s::int[]) as number",
            [LOCK_CLASS, numbers],
        )


def blocked_keys(*, consumer: str, keys: Iterable[Place]) -> set[Place]:
    """Return the keys whose earlier events still wait, or that somebody holds."""
    asked = sorted(set(keys))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            select topic, key from unnest(%(topics)s::text[], %(keys)s::text[])
                as asked(topic, key)
            where exists (select from outbox_parked p
                          where p.consumer = %(scope)s and p.topic = asked.topic
                            and p.key = asked.key)
               or exists (select from outbox_hold h
                          where h.scope = %(scope)s and h.topic = asked.topic
                            and h.key = asked.key)
            """,
            {
                "scope": consumer,
                "topics": [topic for topic, _ in asked],
                "keys": [key for _, key in asked],
            },
        )
        return set(cursor.fetchall())


def park(
    *, consumer: str, received: Received, envelope: Envelope, attempts: int = 0
) -> None:
    """Put the message at the end of its key's line; a second time changes nothing."""
    ParkedMessage.objects.bulk_create(
        [
            ParkedMessage(
                consumer=consumer,
                topic=received.topic,
                partition=received.partition,
                offset=received.offset,
                key=received.key,
                event_id=envelope.event_id,
                type=envelope.event.type,
                payload=received.payload,
                headers=received.printable_headers(),
                attempts=attempts,
            )
        ],
        ignore_conflicts=True,
    )


def park_failed(
    *,
    consumer: str,
    received: Received,
    envelope: Envelope,
    failure: Failure,
    worker: str,
) -> None:
    """Count the first failed attempt, and let the key wait for the next."""
    park(consumer=consumer, received=received, envelope=envelope, attempts=1)
    _note_attempt(consumer, envelope.event_id, 1, failure, worker)
    _hold(
        scope=consumer,
        topic=received.topic,
        key=received.key,
        event_id=envelope.event_id,
        failure=failure,
        wait=wait_before(1),
    )


def claim_due_head(*, consumer: str) -> ParkedMessage | None:
    """Lock and return a message that is first of its key and may be tried now."""
    head = next(iter(ParkedMessage.objects.raw(DUE_HEAD, [consumer])), None)
    if head is not None:
        lock_keys(consumer=consumer, keys=[(head.topic, head.key)])
    return head


def record_failure(*, head: ParkedMessage, failure: Failure, worker: str) -> None:
    """Count an attempt; let the key wait longer, or give the message up."""
    attempts = head.attempts + 1
    _note_attempt(head.consumer, head.event_id, attempts, failure, worker)
    if attempts >= settings.OUTBOX_MAX_ATTEMPTS:
        _bury(head, failure, attempts)
        return
    ParkedMessage.objects.filter(id=head.id).update(attempts=attempts)
    _hold(
        scope=head.consumer,
        topic=head.topic,
        key=head.key,
        event_id=head.event_id,
        failure=failure,
        wait=wait_before(attempts),
    )


def leave(*, head: ParkedMessage) -> None:
    """Take a handled message out of the line, so that the next may be tried."""
    ParkedMessage.objects.filter(id=head.id).delete()
    Hold.objects.filter(
        scope=head.consumer, topic=head.topic, key=head.key, event_id=head.event_id
    ).delete()


def bury_unreadable(*, consumer: str, received: Received, error: str) -> None:
    """Keep the raw bytes of a message that is no event of ours, for operators."""
    DeadLetter.objects.bulk_create(
        [
            DeadLetter(
                scope=consumer,
                type="",
                topic=received.topic,
                key=received.key,
                partition=received.partition,
                offset=received.offset,
                payload=received.payload,
                headers=received.printable_headers(),
                attempts=1,
                reason=UNREADABLE,
                error=error.replace("\0", "\ufffd"),
            )
        ],
        ignore_conflicts=True,
    )


def _bury(head: ParkedMessage, failure: Failure, attempts: int) -> None:
    holds = head.topic not in settings.OUTBOX_PASS_TOPICS
    values: dict[str, Any] = {
        "position": head.id,
        "type": head.type,
        "topic": head.topic,
        "key": head.key,
        "payload": bytes(head.payload),
        "headers": head.headers,
        "partition": head.partition,
        "offset": head.offset,
        "attempts": attempts,
        "reason": str(failure.kind),
        "error": failure.message,
        "holds_key": holds,
        "state": DeadLetter.State.WAITING,
        "failed_at": timezone.now(),
    }
    DeadLetter.objects.update_or_create(
        scope=head.consumer, event_id=head.event_id, defaults=values
    )
    ParkedMessage.objects.filter(id=head.id).delete()
    mine = Hold.objects.filter(
        scope=head.consumer, topic=head.topic, key=head.key, event_id=head.event_id
    )
    if holds:
        mine.update(resume_at=None, reason=failure.message)
    else:
        mine.delete()


def _note_attempt(
    consumer: str, event_id: UUID, number: int, failure: Failure, worker: str
) -> None:
    Attempt.objects.create(
        event_id=event_id,
        scope=consumer,
        number=number,
        worker=worker,
        failure=str(failure.kind),
        code=failure.code,
        message=failure.message,
    )


def _hold(
    *,
    scope: str,
    topic: str,
    key: str,
    event_id: UUID,
    failure: Failure,
    wait: timedelta,
) -> None:
    Hold.objects.update_or_create(
        scope=scope,
        topic=topic,
        key=key,
        defaults={
            "event_id": event_id,
            "reason": failure.message,
            "resume_at": Now() + wait,
        },
    )


DUE_HEAD = """
select p.* from outbox_parked p
where p.consumer = %s
  and not exists (
      select from outbox_parked q
      where q.consumer = p.consumer and q.topic = p.topic and q.key = p.key
        and q.id < p.id)
  and not exists (
      select from outbox_hold h
      where h.scope = p.consumer and h.topic = p.topic and h.key = p.key
        and (h.resume_at is null or h.resume_at > now()))
order by p.id
limit 1
for update of p skip locked
"""

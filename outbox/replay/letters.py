"""Carries out one decision about dead letters, in the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now
from psycopg.errors import LockNotAvailable

from outbox import doorbell, parking
from outbox.backlog import RELAY
from outbox.consuming import ConsumerUnknown, handlings_of
from outbox.envelope import EnvelopeInvalid, EventDataInvalid, from_bytes
from outbox.models import DeadLetter, Hold, ParkedMessage, Replay
from outbox.publishing import lane_of, lock_stripes, stripe_of

# A scope, a topic, a key, and an event that others of the key may be waiting behind.
Head = tuple[str, str, str, UUID | None]


class LetterRefused(Exception):
    """This letter can't be decided so; the others can."""


def resolve(
    *,
    letters: Mapping[UUID, datetime | None],
    action: Replay.Action,
    actor: str,
    reason: str,
) -> Sequence[DeadLetter]:
    """Send the letters on again, or give them up; raise LetterRefused with why not one.

    Then none of them may be committed. Of two who decide at once, one is refused. With
    a time, so is a letter that died again since: nobody has seen what it died of.
    """
    found = _find(letters)
    _lock_keys(found)
    _claim(found, letters, action=action, actor=actor, reason=reason)
    if action == Replay.Action.REPLAY:
        _send_events([letter for letter in found if letter.scope == RELAY])
        _send_messages([letter for letter in found if letter.scope != RELAY])
    else:
        _tell_holds(LET_GO, map(_head, found))
    transaction.on_commit(doorbell.ring, robust=True)
    return found


def _find(letters: Mapping[UUID, datetime | None]) -> Sequence[DeadLetter]:
    known = DeadLetter.objects.defer("payload").in_bulk(list(letters))
    if len(known) < len(letters):
        raise LetterRefused("There is no such dead letter any more.")
    found = [known[letter_id] for letter_id in letters]
    if any(
        letter.event_id is None or letter.occurred_at is None
        for letter in found
        if letter.scope == RELAY
    ):
        raise LetterRefused("It has no event id or no time.")
    return found


def _lock_keys(letters: Sequence[DeadLetter]) -> None:
    # First of all, as writers and consumers do, so that none waits for another. The
    # relay's come last: a consumer that has its keys writes events before it commits.
    places: dict[str, list[parking.Place]] = {}
    for letter in letters:
        places.setdefault(letter.scope, []).append((letter.topic, letter.key))
    events = places.pop(RELAY, [])
    try:
        for consumer in sorted(places):
            parking.lock_keys(consumer=consumer, keys=places[consumer])
        if events:
            lock_stripes(stripe_of(key) for _, key in events)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise LetterRefused("Its key is being worked on; try again.") from error
        raise


def _claim(
    letters: Sequence[DeadLetter],
    died: Mapping[UUID, datetime | None],
    *,
    action: Replay.Action,
    actor: str,
    reason: str,
) -> None:
    replayed = action == Replay.Action.REPLAY
    values: dict[str, Any] = {
        "ids": list(died),
        "times": list(died.values()),
        "state": DeadLetter.State.REPLAYED if replayed else DeadLetter.State.DISCARDED,
        "actor": actor,
        "reason": reason,
        "replays": int(replayed),
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        claimed = {letter_id for (letter_id,) in cursor.fetchall()}
    for letter in letters:
        if letter.id not in claimed:
            raise LetterRefused(_say_why(letter))


def _say_why(letter: DeadLetter) -> str:
    letter.refresh_from_db()
    if letter.state == DeadLetter.State.WAITING:
        return "It died again since it was looked at; plan anew."
    return (
        f"It was {letter.state} by {letter.resolved_by}"
        f" at {letter.resolved_at:%Y-%m-%d %H:%M:%S} UTC."
    )


def _send_events(letters: Sequence[DeadLetter]) -> None:
    # In their old places and under their old ids: ahead of those that wait for them,
    # and known to whoever has had them. A hold goes when Kafka has acknowledged its
    # event.
    if not letters:
        return
    if any(letter.position is None for letter in letters):
        raise LetterRefused("It has no place in the outbox.")
    values: dict[str, Any] = {
        "ids": [letter.id for letter in letters],
        "lanes": [lane_of(letter.key) for letter in letters],
    }
    with connection.cursor() as cursor:
        cursor.execute(PUT_BACK, values)


def _send_messages(letters: Sequence[DeadLetter]) -> None:
    if not letters:
        return
    payloads = dict(
        DeadLetter.objects.filter(id__in=[letter.id for letter in letters]).values_list(
            "id", "payload"
        )
    )
    parked = [_parked(letter, bytes(payloads[letter.id])) for letter in letters]
    # Kafka may have told of one again; then it waits in line already.
    ParkedMessage.objects.bulk_create(parked, ignore_conflicts=True)
    heads = [(each.consumer, each.topic, each.key, each.event_id) for each in parked]
    _tell_holds(RESUME, heads)
    # Of a key that nobody holds, the first lets the others wait.
    Hold.objects.bulk_create(
        (
            Hold(
                scope=scope,
                topic=topic,
                key=key,
                event_id=event_id,
                reason="replayed",
                resume_at=Now(),
            )
            for scope, topic, key, event_id in heads
        ),
        ignore_conflicts=True,
    )


def _parked(letter: DeadLetter, payload: bytes) -> ParkedMessage:
    if letter.partition is None or letter.offset is None:
        raise LetterRefused("It has no place in Kafka's log.")
    event_id, event_type = _read(letter, payload)
    return ParkedMessage(
        id=letter.position,
        consumer=letter.scope,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        key=letter.key,
        event_id=event_id,
        type=event_type,
        payload=payload,
        headers=letter.headers,
        attempts=0,
    )


def _read(letter: DeadLetter, payload: bytes) -> tuple[UUID, str]:
    try:
        envelope = from_bytes(payload)
        handled = envelope.event.type in handlings_of(letter.scope)
    except (EnvelopeInvalid, EventDataInvalid) as error:
        raise LetterRefused(f"It still can't be read: {error}") from error
    except ConsumerUnknown as error:
        raise LetterRefused(str(error)) from error
    if not handled:
        raise LetterRefused(f"{letter.scope} does not handle {envelope.event.type}.")
    return envelope.event_id, envelope.event.type


def _head(letter: DeadLetter) -> Head:
    return letter.scope, letter.topic, letter.key, letter.event_id


def _tell_holds(statement: LiteralString, heads: Iterable[Head]) -> None:
    """Do it to the holds that are these events' own."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(column) for column in zip(*heads, strict=True)])


CLAIM = """
update outbox_dead_letter l
set state = %(state)s, resolved_at = statement_timestamp(), resolved_by = %(actor)s,
    resolved_reason = %(reason)s, replay_count = l.replay_count + %(replays)s
from unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) as planned(id, died_at)
where l.id = planned.id and l.state = 'waiting'
  and l.failed_at = coalesce(planned.died_at, l.failed_at)
returning l.id
"""

PUT_BACK = """
insert into outbox_event
    (id, lane, event_id, type, topic, key, payload, headers, request_id, occurred_at)
select l.position, placed.lane, l.event_id, l.type, l.topic, l.key, l.payload,
       l.headers, l.request_id, l.occurred_at
from unnest(%(ids)s::uuid[], %(lanes)s::smallint[]) as placed(id, lane)
join outbox_dead_letter l on l.id = placed.id
"""

# The holds that are these events' own.
OWN = """
unnest(%s::text[], %s::text[], %s::text[], %s::uuid[])
    as own(scope, topic, key, event_id)
where h.scope = own.scope and h.topic = own.topic and h.key = own.key
  and h.event_id = own.event_id
"""
LET_GO = f"delete from outbox_hold h using {OWN}"  # noqa: S608 -- made of constants
RESUME = f"update outbox_hold h set resume_at = now() from {OWN}"  # noqa: S608 -- made of constants

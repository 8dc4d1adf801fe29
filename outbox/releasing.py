"""Lets keys and topics go that somebody, or a past failure, made wait."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from outbox import doorbell, parking
from outbox.actions import ActionRefused, record_action
from outbox.backlog import RELAY
from outbox.models import (
    DeadLetter,
    Hold,
    OperatorAction,
    OutboxEvent,
    ParkedMessage,
    Replay,
    TopicPause,
)
from outbox.publishing import lane_of
from outbox.replay.letters import LetterRefused, resolve


@transaction.atomic
def release_key(*, scope: str, topic: str, key: str, actor: str, reason: str) -> None:
    """Let the events of a key go on that wait behind nothing any more.

    Refused while the event that they wait behind is a dead letter, which is to be
    replayed or discarded, or is still being tried: they would overtake it. Behind one
    that failed while somebody held the key they wait on, until it is sent.
    """
    record_action(
        OperatorAction.Action.RELEASE_KEY,
        actor=actor,
        reason=reason,
        scope=scope,
        topic=topic,
        key=key,
    )
    holds = Hold.objects.filter(scope=scope, topic=topic, key=key)
    hold = holds.select_for_update().first()
    if hold is None:
        raise ActionRefused(f"The key {key} is not held.")
    if hold.event_id is not None:
        _refuse_if_it_overtakes(hold)
    if not (hold.event_id is None and _wait_behind_what_failed(hold)):
        holds.delete()
    transaction.on_commit(doorbell.ring, robust=True)


@transaction.atomic
def skip_event(*, scope: str, topic: str, key: str, actor: str, reason: str) -> UUID:
    """Give up the event that a key waits behind, and let the others go on.

    It stays as a discarded dead letter; return its id. What is being sent or handled
    at this moment may still be. Raises ActionRefused if nothing is waited for.
    """
    hold = Hold.objects.filter(scope=scope, topic=topic, key=key).first()
    if hold is None or hold.event_id is None:
        raise ActionRefused(
            f"The key {key} waits behind no event"
            f"{'' if hold is None else '; release it instead'}."
        )
    record_action(
        OperatorAction.Action.SKIP_EVENT,
        actor=actor,
        reason=reason,
        scope=scope,
        topic=topic,
        key=key,
        event_id=hold.event_id,
    )
    if not (
        _discard_letter(hold, hold.event_id, actor, reason)
        or _discard_waiting(hold, hold.event_id, actor, reason)
    ):
        raise ActionRefused(f"Event {hold.event_id} went on just now.")
    Hold.objects.filter(id=hold.id, event_id=hold.event_id).delete()
    transaction.on_commit(doorbell.ring, robust=True)
    return hold.event_id


@transaction.atomic
def resume_topic(*, topic: str, actor: str, reason: str) -> None:
    """Let the relays send to a paused topic again; Kafka may refuse it again."""
    record_action(
        OperatorAction.Action.RESUME_TOPIC, actor=actor, reason=reason, topic=topic
    )
    deleted, _ = TopicPause.objects.filter(topic=topic).delete()
    if not deleted:
        raise ActionRefused(f"The topic {topic} is not paused.")
    transaction.on_commit(doorbell.ring, robust=True)


def _refuse_if_it_overtakes(hold: Hold) -> None:
    letters = DeadLetter.objects.waiting().filter(
        scope=hold.scope, event_id=hold.event_id
    )
    if letters.exists():
        raise ActionRefused(
            f"Event {hold.event_id} is a dead letter: replay or discard it instead."
        )
    place = {"topic": hold.topic, "key": hold.key, "event_id": hold.event_id}
    waiting = (
        OutboxEvent.objects.filter(lane=lane_of(hold.key), **place)
        if hold.scope == RELAY
        else ParkedMessage.objects.filter(consumer=hold.scope, **place)
    )
    if waiting.exists():
        raise ActionRefused(f"Event {hold.event_id} is still being tried.")


def _wait_behind_what_failed(hold: Hold) -> bool:
    """Make the hold one of the relay if an event failed under it; return whether."""
    if hold.scope != RELAY or hold.topic in settings.OUTBOX_PASS_TOPICS:
        # A consumer tries parked messages from the first one on, whatever holds them.
        return False
    failed = (
        OutboxEvent.objects.filter(
            lane=lane_of(hold.key), topic=hold.topic, key=hold.key, attempts__gt=0
        )
        .order_by("id")
        .first()
    )
    if failed is None:
        return False
    hold.event_id, hold.resume_at = failed.event_id, failed.available_at
    hold.held_by, hold.reason = "", "It failed while somebody held the key."
    hold.save(update_fields=["event_id", "resume_at", "held_by", "reason"])
    return True


def _discard_letter(hold: Hold, event_id: UUID, actor: str, reason: str) -> bool:
    letter = (
        DeadLetter.objects.waiting().filter(scope=hold.scope, event_id=event_id).first()
    )
    if letter is None:
        return False
    try:
        resolve(
            letters={letter.id: None},
            action=Replay.Action.DISCARD,
            actor=actor,
            reason=reason,
        )
    except LetterRefused as error:
        raise ActionRefused(str(error)) from error
    return True


def _discard_waiting(hold: Hold, event_id: UUID, actor: str, reason: str) -> bool:
    """Make a letter of an event that is still being tried; return whether it was."""
    found: OutboxEvent | ParkedMessage | None
    if hold.scope == RELAY:
        found = _lock_event(hold.key, event_id)
        place = _place_in_outbox(found) if found is not None else {}
    else:
        parking.lock_keys(consumer=hold.scope, keys=[(hold.topic, hold.key)])
        found = ParkedMessage.objects.filter(
            consumer=hold.scope, event_id=event_id
        ).first()
        place = _place_in_kafka(found) if found is not None else {}
    if found is None:
        return False
    DeadLetter.objects.update_or_create(
        scope=hold.scope,
        event_id=event_id,
        defaults={
            **place,
            "type": found.type,
            "topic": hold.topic,
            "key": hold.key,
            "payload": found.payload,
            "headers": found.headers,
            "attempts": found.attempts,
            "reason": "skipped",
            "error": hold.reason,
            "holds_key": False,
            "state": DeadLetter.State.DISCARDED,
            "resolved_at": timezone.now(),
            "resolved_by": actor.strip(),
            "resolved_reason": reason.strip(),
        },
    )
    _take_out(found)
    return True


def _lock_event(key: str, event_id: UUID) -> OutboxEvent | None:
    # The row before the hold, in the order in which the relay takes them.
    waiting = OutboxEvent.objects.select_for_update().filter(
        lane=lane_of(key), event_id=event_id
    )
    return waiting.order_by("id").first()


def _take_out(waiting: OutboxEvent | ParkedMessage) -> None:
    if isinstance(waiting, OutboxEvent):
        # The table's one index begins with the lane.
        OutboxEvent.objects.filter(lane=waiting.lane, id=waiting.id).delete()
    else:
        waiting.delete()


def _place_in_outbox(event: OutboxEvent) -> dict[str, Any]:
    return {
        "position": event.id,
        "lane": event.lane,
        "request_id": event.request_id,
        "occurred_at": event.occurred_at,
    }


def _place_in_kafka(message: ParkedMessage) -> dict[str, Any]:
    return {
        "position": message.id,
        "partition": message.partition,
        "offset": message.offset,
    }

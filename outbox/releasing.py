"""Lets keys and topics go that somebody, or a past failure, made wait."""

import logging

from django.db import transaction

from outbox import doorbell
from outbox.backlog import RELAY
from outbox.models import DeadLetter, Hold, OutboxEvent, ParkedMessage, TopicPause

log = logging.getLogger(__name__)


class ReleaseRefused(ValueError):
    """Nothing was released, for the reason given."""


@transaction.atomic
def release_key(*, scope: str, topic: str, key: str, actor: str, reason: str) -> None:
    """Let the events of a key go on that wait behind nothing any more.

    Refused while the event that they wait behind is a dead letter, which is to be
    replayed or discarded, or is still being tried: they would overtake it.
    """
    _insist(actor, reason)
    holds = Hold.objects.filter(scope=scope, topic=topic, key=key)
    hold = holds.select_for_update().first()
    if hold is None:
        raise ReleaseRefused(f"The key {key} is not held.")
    if hold.event_id is not None:
        _refuse_if_it_overtakes(hold)
    holds.delete()
    transaction.on_commit(doorbell.ring, robust=True)
    log.warning(
        "key released",
        extra={
            "scope": scope,
            "topic": topic,
            "key": key,
            "held_since": hold.since.isoformat(),
            "actor": actor,
            "reason": reason,
        },
    )


@transaction.atomic
def resume_topic(*, topic: str, actor: str, reason: str) -> None:
    """Let the relays send to a paused topic again; Kafka may refuse it again."""
    _insist(actor, reason)
    deleted, _ = TopicPause.objects.filter(topic=topic).delete()
    if not deleted:
        raise ReleaseRefused(f"The topic {topic} is not paused.")
    transaction.on_commit(doorbell.ring, robust=True)
    log.warning(
        "topic resumed", extra={"topic": topic, "actor": actor, "reason": reason}
    )


def _insist(actor: str, reason: str) -> None:
    if not actor.strip() or not reason.strip():
        raise ReleaseRefused("Say who decides this and why: an actor and a reason.")


def _refuse_if_it_overtakes(hold: Hold) -> None:
    letters = DeadLetter.objects.waiting().filter(
        scope=hold.scope, event_id=hold.event_id
    )
    if letters.exists():
        raise ReleaseRefused(
            f"Event {hold.event_id} is a dead letter: replay or discard it instead."
        )
    place = {"topic": hold.topic, "key": hold.key, "event_id": hold.event_id}
    waiting = (
        OutboxEvent.objects.filter(**place)
        if hold.scope == RELAY
        else ParkedMessage.objects.filter(consumer=hold.scope, **place)
    )
    if waiting.exists():
        raise ReleaseRefused(f"Event {hold.event_id} is still being tried.")

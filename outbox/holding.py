"""Makes a key or a topic wait because somebody decided so."""

from django.db import transaction

from opencore.events import TOPICS
from outbox import parking
from outbox.actions import ActionRefused, record_action
from outbox.backlog import RELAY
from outbox.consuming import ConsumerUnknown, handlings_of
from outbox.models import Hold, OperatorAction, TopicPause


@transaction.atomic
def hold_key(*, scope: str, topic: str, key: str, actor: str, reason: str) -> None:
    """Let the events of a key wait until somebody releases it.

    What is being sent or handled at this moment may still be. Raises ActionRefused for
    a key that waits already, and for a scope or a topic that nobody knows.
    """
    _refuse_unknown(scope=scope, topic=topic)
    if not key:
        raise ActionRefused("Say which key: an empty one is nobody's.")
    record_action(
        OperatorAction.Action.HOLD_KEY,
        actor=actor,
        reason=reason,
        scope=scope,
        topic=topic,
        key=key,
    )
    if scope != RELAY:
        parking.lock_keys(consumer=scope, keys=[(topic, key)])
    held, created = Hold.objects.get_or_create(
        scope=scope,
        topic=topic,
        key=key,
        defaults={"reason": reason.strip(), "held_by": actor.strip()},
    )
    if not created:
        raise ActionRefused(
            f"The key {key} is held already since"
            f" {held.since:%Y-%m-%d %H:%M:%S} UTC: {held.reason}"
        )


@transaction.atomic
def pause_topic(*, topic: str, actor: str, reason: str) -> None:
    """Let nothing be sent to a topic until somebody resumes it.

    A pause that the relay made becomes one of the operator's. Raises ActionRefused for
    a topic that somebody paused already or that nobody knows.
    """
    _refuse_unknown(scope=RELAY, topic=topic)
    record_action(
        OperatorAction.Action.PAUSE_TOPIC, actor=actor, reason=reason, topic=topic
    )
    paused = TopicPause.objects.select_for_update().filter(topic=topic).first()
    if paused is not None and paused.paused_by:
        raise ActionRefused(f"{paused.paused_by} paused {topic} already.")
    TopicPause.objects.update_or_create(
        topic=topic,
        defaults={
            "reason": reason.strip(),
            "paused_by": actor.strip(),
            "resume_at": None,
            "code": None,
        },
    )


def _refuse_unknown(*, scope: str, topic: str) -> None:
    if topic not in TOPICS:
        raise ActionRefused(
            f"There is no topic {topic}; there are {', '.join(TOPICS)}."
        )
    if scope == RELAY:
        return
    try:
        handlings_of(scope)
    except ConsumerUnknown as error:
        raise ActionRefused(str(error)) from error

"""Why a key waits: behind what, since when, and what was decided about it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Min

from opencore.events import TOPICS
from outbox.backlog import RELAY
from outbox.models import (
    DeadLetter,
    Hold,
    OperatorAction,
    OutboxEvent,
    ParkedMessage,
    TopicPause,
)
from outbox.publishing import lane_of

MOST_COUNTED = 10_000
MOST_ACTIONS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The events of one key that wait at one place: at the relay or at a consumer."""

    scope: str
    topic: str
    waiting: int
    since: datetime | None
    behind: UUID | None
    why: str
    held_by: str
    resume_at: datetime | None
    dead_letters: int

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {name: _plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What an operator decided about the key."""

    at: datetime
    action: str
    actor: str
    reason: str
    scope: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {name: _plain(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class KeyReport:
    """All lines of a key, and the latest decisions about it, newest first."""

    key: str
    lines: list[Line]
    decisions: list[Decision]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "key": self.key,
            "lines": [line.to_json() for line in self.lines],
            "decisions": [decision.to_json() for decision in self.decisions],
        }


def inspect_key(*, key: str) -> KeyReport:
    """Return where events of a key wait and why; no lines if none does anywhere."""
    return KeyReport(
        key=key,
        lines=[_line(scope, topic, key) for scope, topic in sorted(_places(key))],
        decisions=_decisions(key),
    )


def _places(key: str) -> set[tuple[str, str]]:
    waiting = OutboxEvent.objects.filter(lane=lane_of(key), key=key)
    places = {(RELAY, topic) for topic in waiting.values_list("topic", flat=True)}
    places |= set(
        ParkedMessage.objects.filter(key=key).values_list("consumer", "topic")
    )
    places |= set(Hold.objects.filter(key=key).values_list("scope", "topic"))
    places |= set(
        DeadLetter.objects.waiting()
        .filter(topic__in=TOPICS, key=key)
        .values_list("scope", "topic")
    )
    return places


def _line(scope: str, topic: str, key: str) -> Line:
    hold = Hold.objects.filter(scope=scope, topic=topic, key=key).first()
    letters = DeadLetter.objects.waiting().filter(scope=scope, topic=topic, key=key)
    waiting, since = _waiting(scope, topic, key)
    return Line(
        scope=scope,
        topic=topic,
        waiting=waiting,
        since=hold.since if hold is not None else since,
        behind=hold.event_id if hold is not None else None,
        why=_why(scope, topic, hold, dead=letters.exists()),
        held_by=hold.held_by if hold is not None else "",
        resume_at=hold.resume_at if hold is not None else None,
        dead_letters=letters.count(),
    )


def _waiting(scope: str, topic: str, key: str) -> tuple[int, datetime | None]:
    if scope == RELAY:
        events = OutboxEvent.objects.filter(lane=lane_of(key), topic=topic, key=key)
        return events[:MOST_COUNTED].count(), events.aggregate(since=Min("created_at"))[
            "since"
        ]
    parked = ParkedMessage.objects.filter(consumer=scope, topic=topic, key=key)
    since = parked.aggregate(since=Min("parked_at"))["since"]
    return parked[:MOST_COUNTED].count(), since


def _why(scope: str, topic: str, hold: Hold | None, *, dead: bool) -> str:
    if hold is not None and hold.event_id is None:
        return f"{hold.held_by or 'Somebody'} holds it: {hold.reason}"
    if hold is not None and dead:
        return f"Its first event is a dead letter: {hold.reason}"
    if hold is not None:
        return f"Its first event is tried again: {hold.reason}"
    pause = TopicPause.objects.filter(topic=topic).first()
    if scope == RELAY and pause is not None:
        return f"Its topic is paused: {pause.reason}"
    if dead:
        return "It waits for nothing, but has dead letters; its topic lets others pass."
    return "It waits for nothing but its turn."


def _decisions(key: str) -> list[Decision]:
    actions = OperatorAction.objects.filter(topic__in=TOPICS, key=key).order_by(
        "-at", "-id"
    )
    return [
        Decision(
            at=action.at,
            action=action.action,
            actor=action.actor,
            reason=action.reason,
            scope=action.scope,
        )
        for action in actions[:MOST_ACTIONS]
    ]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value

"""Dead letters of all kinds, that an operation does or refuses, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model

from opencore.events.user.v1 import UserCreated
from opencore.ids import uuid7
from outbox.backlog import RELAY
from outbox.models import (
    DeadLetter,
    Hold,
    OutboxEvent,
    ParkedMessage,
    Replay,
    ReplayItem,
)
from outbox.publishing import lane_of
from tests.outbox.events import person
from tests.outbox.letters import message_of

CONSUMER = "tests"
WITHOUT_HANDLERS = "idle"
# What is new takes its place behind all letters.
GO_ON_BEHIND = "select setval(pg_get_serial_sequence('outbox_parked', 'id'), %s)"
DIED = datetime(2026, 3, 1, 12, tzinfo=UTC)
SINCE = datetime(2026, 3, 1, 13, tzinfo=UTC)
RESOLVED = {
    "state": DeadLetter.State.DISCARDED,
    "resolved_at": SINCE,
    "resolved_by": "ada@example.com",
}


@dataclass(frozen=True)
class Kind:
    """What is special about a letter; the rest is as the engine leaves it."""

    name: str
    scope: str = RELAY
    # Whose key it is; nobody else's, if left out.
    of: str = ""
    # Whether its key waits behind it, behind another, or behind nothing.
    held: str = ""
    differs: dict[str, Any] = field(default_factory=dict)
    # What becomes of it after it was planned.
    becomes: dict[str, Any] = field(default_factory=dict)
    # Whether what it stands for waits already.
    waits: bool = False

    def __repr__(self) -> str:
        return self.name


EVENT = Kind("event", held="own")
MESSAGE = Kind("message", scope=CONSUMER, held="own")
MESSAGE_OF_ADA = Kind("message of ada", scope=CONSUMER, of="ada")
UNREAD = {"event_id": None, "position": None, "type": ""}
# Nothing is refused of these.
SOUND = (
    EVENT,
    Kind("event of ada", of="ada"),
    MESSAGE,
    MESSAGE_OF_ADA,
    replace(MESSAGE, name="message behind another", held="other"),
    replace(MESSAGE, name="message that Kafka told again", waits=True),
    Kind("readable by now", scope=CONSUMER, of="ada", differs=UNREAD),
)
REFUSED = (
    replace(EVENT, name="event that another resolves", becomes=RESOLVED),
    replace(EVENT, name="event that dies again", becomes={"failed_at": SINCE}),
    replace(EVENT, name="event without a time", differs={"occurred_at": None}),
    replace(EVENT, name="event without a place", differs={"position": None}),
    replace(EVENT, name="event whose place is taken", waits=True),
    replace(MESSAGE, name="message that another resolves", becomes=RESOLVED),
    replace(MESSAGE, name="message without an offset", differs={"offset": None}),
    Kind("unreadable", scope=CONSUMER, differs={**UNREAD, "payload": b"{"}),
    Kind("message of nobody", scope="gone"),
    Kind("message that is not handled", scope=WITHOUT_HANDLERS),
)


class Mixture:
    """Letters of these kinds, that can be stored again as they were."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._kinds = kinds
        self._letters = [_letter(number, kind) for number, kind in enumerate(kinds, 1)]

    def store(self) -> None:
        """Store the letters, and nothing else, as they are before the plan."""
        for model in (ReplayItem, Replay, OutboxEvent, ParkedMessage, Hold, DeadLetter):
            model._default_manager.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(GO_ON_BEHIND, [len(self._letters) + 1])
        DeadLetter.objects.bulk_create(self._letters)
        for kind, letter in zip(self._kinds, self._letters, strict=True):
            if kind.held:
                own = kind.held == "own"
                _hold(letter, letter.event_id if own else letter.id)
            if kind.waits:
                _let_wait(letter)

    def go_on(self) -> None:
        """Let happen what happens between the plan and the decision."""
        for kind, letter in zip(self._kinds, self._letters, strict=True):
            if kind.becomes:
                DeadLetter.objects.filter(id=letter.id).update(**kind.becomes)


def outcome_in_rows() -> dict[str, list[dict[str, Any]]]:
    """Return all that an operation can change, but ids and times that are its own."""
    return {
        "letters": _rows(DeadLetter, "id", but=("resolved_at",)),
        "events": _rows(OutboxEvent, "id", but=("created_at",)),
        "messages": _rows(ParkedMessage, "id", but=("id", "parked_at")),
        "holds": [
            row | {"resume_at": row["resume_at"] is not None}
            for row in _rows(Hold, "scope", "topic", "key", but=("id", "since"))
        ],
        "items": _rows(ReplayItem, "id", but=("id", "replay_id", "at")),
        "operations": _rows(Replay, "id", but=("id", "started_at", "ended_at")),
    }


def _rows(
    model: type[Model], *order: str, but: tuple[str, ...]
) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name not in but}
        for row in model._default_manager.order_by(*order).values()
    ]


def _letter(number: int, kind: Kind) -> DeadLetter:
    event = UserCreated(
        user_id=person(kind.of or f"person-{number}"), email="x@example.com"
    )
    event_id = uuid7()
    message = message_of(event, offset=number, event_id=event_id)
    of_relay = kind.scope == RELAY
    described = {
        "scope": kind.scope,
        "position": number,
        "event_id": event_id,
        "type": event.type,
        "topic": message.topic,
        "key": message.key,
        "payload": message.payload,
        "headers": None if of_relay else message.printable_headers(),
        "occurred_at": DIED if of_relay else None,
        "partition": None if of_relay else 0,
        "offset": None if of_relay else number,
        "attempts": 8,
        "reason": "event",
        "error": "too large",
        "failed_at": DIED,
    }
    return DeadLetter(**(described | kind.differs))


def _hold(letter: DeadLetter, event_id: UUID | None) -> None:
    Hold.objects.create(
        scope=letter.scope,
        topic=letter.topic,
        key=letter.key,
        event_id=event_id,
        reason="too large",
    )


def _let_wait(letter: DeadLetter) -> None:
    described: dict[str, Any] = {
        "id": letter.position,
        "event_id": letter.event_id,
        "type": letter.type,
        "topic": letter.topic,
        "key": letter.key,
        "payload": letter.payload,
        "headers": letter.headers,
    }
    if letter.scope == RELAY:
        lane = lane_of(letter.key)
        OutboxEvent.objects.create(**described, lane=lane, occurred_at=DIED)
    else:
        place = {"partition": letter.partition, "offset": letter.offset}
        ParkedMessage.objects.create(**described | place, consumer=letter.scope)

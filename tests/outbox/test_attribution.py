"""Who decided what and why is written before it is done, in the same transaction."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.db import connection

from outbox.holding import hold_key, pause_topic
from outbox.models import DeadLetter, Hold, OperatorAction, TopicPause
from outbox.releasing import release_key, resume_topic, skip_event
from tests.outbox.events import person
from tests.outbox.letters import store_letters

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = "opencore.user.v1"
GRACE = {"actor": "grace@example.com", "reason": "looked into it"}
RECORD = 'INSERT INTO "outbox_operator_action"'
WRITES = ("INSERT", "UPDATE", "DELETE")
Decide = Callable[[], object]


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Witness:
    """Sees every statement; it may end the process at the one after the record."""

    kills: bool = False
    writes: list[str] = field(default_factory=list)

    def __call__(
        self, execute: Callable[..., object], statement: str, *rest: object
    ) -> object:
        if self.kills and self.writes:
            raise Killed
        result = execute(statement, *rest)
        if statement.startswith(WRITES):
            self.writes.append(statement)
        return result


def a_held_key() -> str:
    key = str(person("ada"))
    Hold.objects.create(scope="relay", topic=TOPIC, key=key, reason="r", held_by="x")
    return key


def holding() -> Decide:
    return partial(
        hold_key, scope="relay", topic=TOPIC, key=str(person("ada")), **GRACE
    )


def releasing() -> Decide:
    return partial(release_key, scope="relay", topic=TOPIC, key=a_held_key(), **GRACE)


def skipping() -> Decide:
    (letter,) = store_letters(1)
    return partial(skip_event, scope="relay", topic=TOPIC, key=letter.key, **GRACE)


def pausing() -> Decide:
    return partial(pause_topic, topic=TOPIC, **GRACE)


def resuming() -> Decide:
    TopicPause.objects.create(topic=TOPIC, reason="r", paused_by="x")
    return partial(resume_topic, topic=TOPIC, **GRACE)


each = pytest.mark.parametrize(
    "about_to", [holding, releasing, skipping, pausing, resuming]
)


@each
def test_the_first_thing_that_is_written_is_who_decided_it(
    about_to: Callable[[], Decide],
) -> None:
    decide, witness = about_to(), Witness()
    before = state()

    with connection.execute_wrapper(witness):
        decide()

    assert witness.writes[0].startswith(RECORD)
    assert len(witness.writes) > 1
    assert state() != before
    record = OperatorAction.objects.get()
    assert {"actor": record.actor, "reason": record.reason} == GRACE


@each
def test_a_decision_that_dies_right_after_its_record_leaves_neither(
    about_to: Callable[[], Decide],
) -> None:
    decide, witness = about_to(), Witness(kills=True)
    before = state()

    with connection.execute_wrapper(witness), pytest.raises(Killed):
        decide()

    assert witness.writes[0].startswith(RECORD)
    assert OperatorAction.objects.count() == 0
    assert state() == before


def state() -> list[list[dict[str, Any]]]:
    """Return all that a decision can change."""
    return [
        [{**row} for row in model._default_manager.order_by("pk").values()]
        for model in (Hold, TopicPause, DeadLetter)
    ]

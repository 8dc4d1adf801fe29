"""What operators decide about keys and topics: it holds, and it is recorded."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from opencore.ids import uuid7
from outbox.actions import ActionRefused
from outbox.holding import hold_key, pause_topic
from outbox.models import (
    Attempt,
    DeadLetter,
    Hold,
    OperatorAction,
    OutboxEvent,
    ParkedMessage,
    TopicPause,
)
from outbox.relay import Relay, Tally
from outbox.releasing import release_key, resume_topic, skip_event
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import TOO_LARGE, store_letters

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = "opencore.user.v1"
GRACE: dict[str, Any] = {"actor": "grace@example.com", "reason": "looked into it"}


def key_of(name: str) -> str:
    return str(person(name))


def place(name: str, *, scope: str = "relay") -> dict[str, str]:
    return {"scope": scope, "topic": TOPIC, "key": key_of(name)}


def recorded() -> list[tuple[str, str, str, str]]:
    return [
        (action.action, action.actor, action.reason, action.key)
        for action in OperatorAction.objects.order_by("at", "id")
    ]


def refuse_once(relay: Relay, kafka: KafkaSpy, name: str) -> None:
    """Let Kafka refuse the person's event, which is then tried again."""
    tell_of(name, email=TOO_LARGE)
    largest, kafka.largest = kafka.largest, 1000
    assert relay.relay_batch() == Tally(retried=1)
    kafka.largest = largest


def skip_once(name: str) -> None:
    if Hold.objects.exists():
        skip_event(**place(name), **GRACE)


def test_a_held_key_waits_and_no_other(new_relay: Relays, kafka: KafkaSpy) -> None:
    tell_of("ada")
    tell_of("grace")

    hold_key(**place("ada"), **GRACE)

    relay = new_relay()
    assert relay.relay_batch() == Tally(sent=1)
    assert relay.relay_batch() == Tally()
    assert OutboxEvent.objects.get().key == key_of("ada")
    hold = Hold.objects.get()
    assert (hold.held_by, hold.event_id, hold.resume_at) == (GRACE["actor"], None, None)
    assert recorded() == [("hold_key", *GRACE.values(), key_of("ada"))]


def test_a_held_key_goes_on_when_it_is_released(new_relay: Relays) -> None:
    tell_of("ada")
    hold_key(**place("ada"), **GRACE)

    release_key(**place("ada"), **GRACE)

    assert new_relay().relay_batch() == Tally(sent=1)
    assert [action for action, *_ in recorded()] == ["hold_key", "release_key"]


def test_a_key_is_held_once() -> None:
    hold_key(**place("ada"), **GRACE)

    with pytest.raises(ActionRefused, match=r"held already since .*: looked into it"):
        hold_key(**place("ada"), **GRACE)

    assert len(recorded()) == 1


def test_a_refused_event_leaves_an_operators_hold_alone(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of("ada", email=TOO_LARGE)
    kafka.largest = 1000
    kafka.while_publishing = lambda: hold_key(**place("ada"), **GRACE)

    assert new_relay().relay_batch() == Tally(retried=1)

    hold = Hold.objects.get()
    assert (hold.held_by, hold.event_id) == (GRACE["actor"], None)
    assert OutboxEvent.objects.get().attempts == 1


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"topic": "opencore.nobody.v1"}, "There is no topic opencore.nobody.v1"),
        ({"scope": "nobody"}, "No app named 'nobody' handles events"),
        ({"key": ""}, "Say which key"),
    ],
    ids=["topic", "scope", "key"],
)
def test_what_nobody_knows_is_not_held(what: dict[str, str], why: str) -> None:
    with pytest.raises(ActionRefused, match=why):
        hold_key(**{**place("ada"), **what}, **GRACE)

    assert (Hold.objects.count(), recorded()) == (0, [])


@pytest.mark.parametrize("missing", ["actor", "reason"])
def test_nothing_is_held_without_an_actor_and_a_reason(missing: str) -> None:
    with pytest.raises(ActionRefused, match="Say who decides this and why"):
        hold_key(**place("ada"), **{**GRACE, missing: "  "})

    assert (Hold.objects.count(), recorded()) == (0, [])


def test_skipping_gives_up_the_event_that_a_key_waits_behind(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    relay = new_relay()
    refuse_once(relay, kafka, "ada")
    poison = OutboxEvent.objects.get()
    tell_of("ada")

    skipped = skip_event(**place("ada"), **GRACE)

    letter = DeadLetter.objects.get()
    assert skipped == letter.event_id == poison.event_id
    assert (letter.state, letter.resolved_by) == ("discarded", GRACE["actor"])
    assert bytes(letter.payload) == bytes(poison.payload)
    assert (letter.position, letter.lane) == (poison.id, poison.lane)
    assert (Hold.objects.count(), Attempt.objects.count()) == (0, 1)
    assert relay.relay_batch() == Tally(sent=1)
    assert recorded() == [("skip_event", *GRACE.values(), key_of("ada"))]


def test_skipping_discards_a_dead_letter() -> None:
    (letter,) = store_letters(1)

    skip_event(scope="relay", topic=TOPIC, key=letter.key, **GRACE)

    letter.refresh_from_db()
    assert (letter.state, letter.resolved_reason) == ("discarded", GRACE["reason"])
    assert Hold.objects.count() == 0


def test_skipping_gives_up_a_parked_message() -> None:
    (letter,) = store_letters(1)
    DeadLetter.objects.all().delete()
    Hold.objects.update(scope="billing", resume_at=timezone.now() + timedelta(hours=1))
    ParkedMessage.objects.create(
        consumer="billing",
        topic=TOPIC,
        partition=2,
        offset=7,
        key=letter.key,
        event_id=letter.event_id or uuid7(),
        type=letter.type,
        payload=letter.payload,
        headers=[],
        attempts=3,
    )

    skip_event(scope="billing", topic=TOPIC, key=letter.key, **GRACE)

    found = DeadLetter.objects.get()
    assert (found.scope, found.partition, found.offset) == ("billing", 2, 7)
    assert (found.state, found.attempts) == ("discarded", 3)
    assert (ParkedMessage.objects.count(), Hold.objects.count()) == (0, 0)


def test_an_event_that_is_skipped_while_it_is_sent_holds_nobody_afterwards(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    relay = new_relay()
    refuse_once(relay, kafka, "ada")
    OutboxEvent.objects.update(available_at=None)
    kafka.largest = 1000
    kafka.while_publishing = lambda: skip_once("ada")

    relay.relay_batch()

    assert (Hold.objects.count(), OutboxEvent.objects.count()) == (0, 0)
    assert DeadLetter.objects.get().state == "discarded"


@pytest.mark.parametrize(
    ("held", "why"),
    [(False, "waits behind no event"), (True, "no event; release it instead")],
    ids=["nothing", "an operator's hold"],
)
def test_where_no_event_is_waited_for_nothing_is_skipped(held: bool, why: str) -> None:
    holds = [Hold(**place("ada"), reason="audit", held_by="grace@example.com")] * held
    Hold.objects.bulk_create(holds)

    with pytest.raises(ActionRefused, match=why):
        skip_event(**place("ada"), **GRACE)

    assert recorded() == []


def test_a_paused_topic_waits_and_no_other(new_relay: Relays) -> None:
    tell_of("ada")

    pause_topic(topic=TOPIC, **GRACE)

    relay = new_relay()
    assert relay.relay_batch() == Tally()
    resume_topic(topic=TOPIC, **GRACE)
    assert relay.relay_batch() == Tally(sent=1)
    assert [action for action, *_ in recorded()] == ["pause_topic", "resume_topic"]


def test_a_pause_of_the_relay_becomes_an_operators() -> None:
    TopicPause.objects.create(
        topic=TOPIC, reason="unknown topic", code=3, resume_at=timezone.now()
    )

    pause_topic(topic=TOPIC, **GRACE)

    pause = TopicPause.objects.get()
    assert (pause.paused_by, pause.resume_at) == (GRACE["actor"], None)
    with pytest.raises(ActionRefused, match=r"grace@example\.com paused"):
        pause_topic(topic=TOPIC, **GRACE)


def test_the_record_of_actions_only_grows() -> None:
    hold_key(**place("ada"), **GRACE)

    with pytest.raises(IntegrityError, match="only ever added"), transaction.atomic():
        OperatorAction.objects.update(reason="nothing happened")
    with pytest.raises(IntegrityError, match="only ever added"), transaction.atomic():
        OperatorAction.objects.all().delete()

    assert recorded() == [("hold_key", *GRACE.values(), key_of("ada"))]

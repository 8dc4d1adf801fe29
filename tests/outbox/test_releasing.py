"""What releasing keys and topics promises."""

from datetime import timedelta

import pytest
from django.utils import timezone

from opencore.ids import uuid7
from outbox.actions import ActionRefused
from outbox.models import DeadLetter, Hold, OutboxEvent, ParkedMessage, TopicPause
from outbox.relay import Tally
from outbox.releasing import release_key, resume_topic
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import replay_all, store_letters

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = "opencore.user.v1"


def release(key: str, *, scope: str = "relay", reason: str = "checked by hand") -> None:
    release_key(
        scope=scope, topic=TOPIC, key=key, actor="grace@example.com", reason=reason
    )


def test_a_key_that_somebody_held_goes_on(new_relay: Relays, kafka: KafkaSpy) -> None:
    tell_of("ada")
    key = OutboxEvent.objects.get().key
    Hold.objects.create(scope="relay", topic=TOPIC, key=key, reason="audit")
    relay = new_relay()
    assert relay.relay_batch() == Tally()

    release(key)

    assert relay.relay_batch() == Tally(sent=1)


def test_a_key_is_not_released_before_its_dead_letter_is_decided() -> None:
    (letter,) = store_letters(1)

    with pytest.raises(ActionRefused, match="replay or discard it"):
        release(letter.key)

    assert Hold.objects.count() == 1


def test_a_key_is_not_released_while_its_replayed_event_is_on_its_way() -> None:
    (letter,) = store_letters(1)
    replay_all()

    with pytest.raises(ActionRefused, match="still being tried"):
        release(letter.key)

    assert Hold.objects.count() == 1


def test_a_key_is_not_released_while_a_consumer_tries_its_first_message() -> None:
    event_id = uuid7()
    ParkedMessage.objects.create(
        consumer="billing",
        topic=TOPIC,
        key="ada",
        partition=0,
        offset=1,
        event_id=event_id,
        payload=b"",
    )
    Hold.objects.create(
        scope="billing",
        topic=TOPIC,
        key="ada",
        event_id=event_id,
        reason="x",
        resume_at=timezone.now() + timedelta(hours=1),
    )

    with pytest.raises(ActionRefused, match="still being tried"):
        release("ada", scope="billing")

    assert Hold.objects.count() == 1


def test_no_event_passes_one_that_failed_while_somebody_held_the_key(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    failed = tell_of("ada", email="a" * 2000)
    tell_session_ended("ada")
    key = str(person("ada"))
    hold = Hold(scope="relay", topic=TOPIC, key=key, held_by="grace", reason="audit")
    kafka.largest, kafka.while_publishing = 1000, hold.save
    relay = new_relay()
    assert relay.relay_batch() == Tally(retried=1)
    kafka.while_publishing = lambda: None

    release(key)

    assert relay.relay_batch() == Tally()
    kept = Hold.objects.get()
    assert (kept.event_id, kept.held_by) == (failed, "")
    kafka.largest = 10_000
    OutboxEvent.objects.filter(attempts=1).update(available_at=timezone.now())
    assert relay.relay_batch() + relay.relay_batch() == Tally(sent=2)
    assert kafka.envelopes[0].event_id == failed
    assert Hold.objects.count() == 0


def test_a_key_whose_letter_was_decided_is_released() -> None:
    (letter,) = store_letters(1)
    DeadLetter.objects.update(state="discarded", resolved_at=timezone.now())

    release(letter.key)

    assert Hold.objects.count() == 0


def test_refuses_without_a_reason_and_releases_nothing() -> None:
    Hold.objects.create(scope="relay", topic=TOPIC, key="ada", reason="audit")

    with pytest.raises(ActionRefused, match="Say who decides"):
        release("ada", reason=" ")

    assert Hold.objects.count() == 1


def test_refuses_a_key_that_is_not_held() -> None:
    with pytest.raises(ActionRefused, match="The key ada is not held"):
        release("ada")


def test_a_paused_topic_is_sent_to_again(new_relay: Relays, kafka: KafkaSpy) -> None:
    tell_of("ada")
    TopicPause.objects.create(topic=TOPIC, reason="maintenance")
    relay = new_relay()
    assert relay.relay_batch() == Tally()

    resume_topic(topic=TOPIC, actor="grace@example.com", reason="maintenance is over")

    assert relay.relay_batch() == Tally(sent=1)


def test_refuses_a_topic_that_is_not_paused() -> None:
    with pytest.raises(ActionRefused, match="is not paused"):
        resume_topic(topic=TOPIC, actor="grace@example.com", reason="it is over")

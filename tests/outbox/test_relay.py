"""What the relay promises, with Kafka played by a spy."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from opencore.events.user.v1 import UserCreated
from outbox.leases import LaneLost
from outbox.models import (
    ArchivedEvent,
    Attempt,
    DeadLetter,
    Hold,
    Lane,
    OutboxEvent,
    TopicPause,
)
from outbox.publishing import emit
from outbox.relay import Relay, Tally
from tests.outbox.conftest import Relays
from tests.outbox.events import (
    insert_as_a_writer_does,
    person,
    tell_of,
    tell_session_ended,
)
from tests.outbox.fakes import KafkaSpy

TOO_LARGE = "a" * 2000


def test_sends_what_was_committed_and_keeps_it_in_the_archive(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    event_id = tell_of("ada")

    assert new_relay().relay_batch() == Tally(sent=1)

    assert [envelope.event_id for envelope in kafka.envelopes] == [event_id]
    assert OutboxEvent.objects.count() == 0
    assert ArchivedEvent.objects.get().event_id == event_id


def test_the_archive_keeps_every_byte(new_relay: Relays, kafka: KafkaSpy) -> None:
    tell_of("ada")
    before: dict[str, Any] = {**OutboxEvent.objects.values().get()}

    new_relay().relay_batch()

    after: dict[str, Any] = {**ArchivedEvent.objects.values().get()}
    del before["available_at"], after["delivered_at"]
    assert after == before
    assert kafka.received[0].payload == before["payload"]


def test_sends_nothing_twice(new_relay: Relays, kafka: KafkaSpy) -> None:
    tell_of("ada")
    relay = new_relay()
    relay.relay_batch()

    assert relay.relay_batch() == Tally()

    assert len(kafka.received) == 1


def test_an_event_emitted_while_kafka_is_down_arrives_when_it_is_back(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    event_id = tell_of("ada")
    relay = new_relay()
    kafka.up = False
    assert relay.relay_batch() == Tally(waiting=1)

    kafka.up = True
    assert relay.relay_batch() == Tally(sent=1)

    assert [envelope.event_id for envelope in kafka.envelopes] == [event_id]


def test_an_outage_of_kafka_costs_no_attempt_however_long_it_lasts(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of("ada")
    relay = new_relay()
    kafka.up = False

    tallies = [relay.relay_batch() for _ in range(30)]

    assert set(tallies) == {Tally(waiting=1)}
    assert OutboxEvent.objects.get().attempts == 0
    assert (Attempt.objects.count(), DeadLetter.objects.count()) == (0, 0)


def test_events_of_a_key_are_sent_in_the_order_of_their_commits(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    told = [tell_of("ada"), tell_session_ended("ada"), tell_session_ended("ada")]

    new_relay().relay_batch()

    assert [envelope.event_id for envelope in kafka.envelopes] == told


def test_a_lower_id_that_commits_late_is_sent_before_its_keys_next_event(
    new_relay: Relays, kafka: KafkaSpy, connect: Callable[[], "psycopg.Connection[Any]"]
) -> None:
    writer = connect()
    tell_of("grace")
    relay = new_relay()
    with writer.transaction():
        late = insert_as_a_writer_does(writer, "ada")
        relay.relay_batch()
        _let_the_marks_rise(relay)

    early_next = tell_session_ended("ada")
    relay.relay_batch()

    ours = [e.event_id for e in kafka.envelopes if e.event.key == person("ada")]
    assert ours == [late, early_next]


def test_one_poisoned_event_holds_only_its_own_key(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    kafka.largest = 1000
    tell_of("mallory", email=TOO_LARGE)
    tell_session_ended("mallory")
    told_of_ada = tell_of("ada")

    assert new_relay().relay_batch() == Tally(sent=1, retried=1)

    assert [envelope.event_id for envelope in kafka.envelopes] == [told_of_ada]
    assert OutboxEvent.objects.count() == 2
    assert Hold.objects.get().key == str(person("mallory"))


def test_a_poisoned_event_becomes_a_dead_letter_after_its_last_attempt(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    kafka.largest = 1000
    event_id = tell_of("mallory", email=TOO_LARGE)
    row = OutboxEvent.objects.values().get()
    relay = new_relay()

    tallies = []
    with override_settings(OUTBOX_MAX_ATTEMPTS=3):
        for _ in range(3):
            OutboxEvent.objects.update(available_at=timezone.now())
            tallies.append(relay.relay_batch())

    letter = DeadLetter.objects.get()
    assert tallies == [Tally(retried=1), Tally(retried=1), Tally(dead=1)]
    assert (letter.event_id, letter.attempts, letter.code) == (event_id, 3, 10)
    assert (bytes(letter.payload), letter.position) == (row["payload"], row["id"])
    assert list(Attempt.objects.values_list("number", flat=True)) == [1, 2, 3]


@override_settings(OUTBOX_MAX_ATTEMPTS=1)
def test_events_behind_a_dead_letter_wait_until_somebody_decides(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    kafka.largest = 1000
    tell_of("mallory", email=TOO_LARGE)
    behind = tell_session_ended("mallory")
    relay = new_relay()
    assert relay.relay_batch() == Tally(dead=1)
    assert relay.relay_batch() == Tally()

    Hold.objects.all().delete()
    assert relay.relay_batch() == Tally(sent=1)

    assert [envelope.event_id for envelope in kafka.envelopes] == [behind]


@override_settings(
    OUTBOX_MAX_ATTEMPTS=1, OUTBOX_PASS_TOPICS=frozenset({"opencore.user.v1"})
)
def test_events_of_a_passing_topic_go_on_past_a_dead_letter(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    kafka.largest = 1000
    tell_of("mallory", email=TOO_LARGE)
    behind = tell_session_ended("mallory")
    relay = new_relay()

    tally = relay.relay_batch() + relay.relay_batch()

    assert tally == Tally(dead=1, sent=1)
    assert [envelope.event_id for envelope in kafka.envelopes] == [behind]


def test_a_topic_that_kafka_refuses_is_paused_and_costs_no_attempt(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    kafka.refused_topics = {"opencore.user.v1"}
    tell_of("ada")
    relay = new_relay()

    assert relay.relay_batch() == Tally(paused=1)
    assert relay.relay_batch() == Tally()

    assert TopicPause.objects.get().topic == "opencore.user.v1"
    assert OutboxEvent.objects.get().attempts == 0


def test_a_paused_topic_goes_on_when_kafka_takes_it_again(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    kafka.refused_topics = {"opencore.user.v1"}
    tell_of("ada")
    relay = new_relay()
    relay.relay_batch()
    kafka.refused_topics = set()

    TopicPause.objects.update(resume_at=timezone.now())
    assert relay.relay_batch() == Tally(sent=1)

    assert TopicPause.objects.count() == 0


def test_a_second_relay_gets_no_lane_while_the_first_holds_them(
    new_relay: Relays,
) -> None:
    first, second = new_relay("first"), new_relay("second")

    assert (len(first.lanes), second.lanes) == (16, [])
    assert second.take_lanes() is False


def test_a_second_relay_takes_over_at_once_when_the_firsts_connection_dies(
    new_relay: Relays, connect: Callable[[], "psycopg.Connection[Any]"]
) -> None:
    new_relay("first")
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'test-relay'"
        )

    assert len(new_relay("second").lanes) == 16


def test_a_second_relay_takes_over_when_the_firsts_lease_ran_out(
    new_relay: Relays,
) -> None:
    new_relay("first")
    Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    assert len(new_relay("second").lanes) == 16


def test_lanes_given_back_are_free_at_once(new_relay: Relays) -> None:
    new_relay("first").give_back_lanes()

    assert len(new_relay("second").lanes) == 16


def test_an_owner_whose_lane_was_taken_meanwhile_records_nothing(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of("ada")
    zombie = new_relay("zombie")

    def lose_the_lanes() -> None:
        Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        kafka.while_publishing = lambda: None
        new_relay("heir")

    kafka.while_publishing = lose_the_lanes

    with pytest.raises(LaneLost):
        zombie.relay_batch()

    assert OutboxEvent.objects.count() == 1
    assert ArchivedEvent.objects.count() == 0


def test_a_lost_answer_leads_to_a_second_sending_never_to_a_loss(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    event_id = tell_of("ada")
    relay = new_relay()
    kafka.loses_answers = True
    relay.relay_batch()
    kafka.loses_answers = False

    relay.relay_batch()

    assert [envelope.event_id for envelope in kafka.envelopes] == [event_id, event_id]
    assert OutboxEvent.objects.count() == 0


@override_settings(OUTBOX_BATCH_ROWS=10)
def test_a_batch_is_bounded_in_rows(new_relay: Relays) -> None:
    with transaction.atomic():
        for number in range(25):
            emit(UserCreated(user_id=person(str(number)), email="x@example.com"))
    relay = new_relay()

    assert [relay.relay_batch().sent for _ in range(4)] == [10, 10, 5, 0]


@override_settings(OUTBOX_BATCH_BYTES=2000)
def test_a_batch_is_bounded_in_bytes_after_the_first(new_relay: Relays) -> None:
    relay = new_relay()
    for number in range(4):
        tell_of(str(number), email="a" * 600)
    assert relay.relay_batch() == Tally(sent=4)
    for number in range(4):
        tell_of(str(number), email="a" * 600)

    assert [relay.relay_batch().sent for _ in range(3)] == [2, 2, 0]


def _let_the_marks_rise(relay: Relay) -> None:
    """Relay enough for a careless mark to pass over the id that is uncommitted."""
    for number in range(40):
        tell_of(f"somebody-{number}")
    for _ in range(3):
        relay._backlog._low._looked_at = float("-inf")
        relay.relay_batch()

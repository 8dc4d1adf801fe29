"""What the relay promises while one batch is sent behind another."""

import gc
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.test import override_settings
from django.utils import timezone

from outbox.leases import LaneLost
from outbox.models import ArchivedEvent, Hold, Lane, OutboxEvent
from outbox.relay import Relay, Tally
from outbox.running import Stop, run_relay
from tests.outbox.conftest import Relays
from tests.outbox.events import (
    insert_as_a_writer_does,
    person,
    tell_of,
    tell_of_many,
    tell_session_ended,
)
from tests.outbox.fakes import KafkaSpy

TOO_LARGE = "a" * 2000
PATIENCE = 10.0


@pytest.fixture(autouse=True)
def batches_of_ten() -> Iterator[None]:
    with override_settings(OUTBOX_BATCH_ROWS=10):
        yield


def test_the_next_batch_is_sent_before_the_last_one_is_answered(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    told = tell_of_many(25)
    sent_by_then: list[int] = []
    kafka.while_publishing = lambda: sent_by_then.append(len(kafka.received))
    relay = new_relay()

    tallies = [relay.relay_batch() for _ in range(4)]

    assert sent_by_then == [20, 25, 25]
    assert [tally.sent for tally in tallies] == [10, 10, 5, 0]
    assert sorted(ids(kafka)) == sorted(told)


def test_a_batch_is_recorded_while_another_is_sent_which_no_transaction_waits_for(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of_many(25)
    relay = new_relay()
    seen: list[int] = []

    def see_the_first_recorded() -> None:
        if len(kafka.received) == 20:
            seen.append(eventually(10, ArchivedEvent.objects.count))

    kafka.when_sending = see_the_first_recorded

    assert relay.relay_batch() == Tally(sent=10)

    assert seen == [10]
    assert len(kafka.received) == 25


def test_a_lane_lost_while_a_batch_is_recorded_records_nothing(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of_many(25)
    zombie = new_relay("zombie")

    def lose_the_lanes() -> None:
        kafka.while_publishing = lambda: None
        Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        new_relay("heir", KafkaSpy())

    kafka.while_publishing = lose_the_lanes

    with pytest.raises(LaneLost):
        zombie.relay_batch()

    assert (OutboxEvent.objects.count(), ArchivedEvent.objects.count()) == (25, 0)


def test_a_refusal_in_a_batch_sent_while_another_is_recorded_holds_its_key(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    told = tell_of_many(10)
    tell_of_many(10)
    relay, kafka.largest = new_relay(), 1000
    poison = tell_of("mallory", email=TOO_LARGE)
    for _ in range(12):
        tell_session_ended("mallory")

    assert drain(relay) == Tally(sent=20, retried=1)

    assert ids(kafka, "mallory") == []
    assert set(told) <= set(ids(kafka))
    assert Hold.objects.get().event_id == poison
    assert OutboxEvent.objects.count() == 13


def test_garbage_is_looked_for_between_batches_only(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of("ada")
    looks: list[bool] = []
    kafka.when_sending = lambda: looks.append(gc.isenabled())

    new_relay().relay_batch()

    assert [*looks, gc.isenabled()] == [False, True]


def test_what_is_on_its_way_is_recorded_before_the_lanes_are_given_back(
    new_relay: Relays,
) -> None:
    tell_of_many(15)
    relay = new_relay()
    relay.relay_batch()
    assert OutboxEvent.objects.count() == 5

    assert relay.finish() == Tally(sent=5)

    assert OutboxEvent.objects.count() == 0
    assert relay.finish() == Tally()


@pytest.mark.django_db(transaction=True)
def test_a_relay_that_is_asked_to_stop_finishes_both_batches(kafka: KafkaSpy) -> None:
    tell_of_many(25)
    stop = Stop()
    kafka.while_publishing = stop.ask

    assert run_relay(publisher=kafka, stop=stop) == Tally(sent=20)

    assert (OutboxEvent.objects.count(), len(kafka.received)) == (5, 20)
    assert set(Lane.objects.values_list("owner", flat=True)) == {""}


def test_a_lower_id_that_commits_between_two_batches_keeps_its_keys_order(
    new_relay: Relays, kafka: KafkaSpy, connect: Callable[[], "psycopg.Connection[Any]"]
) -> None:
    relay, writer = new_relay(), connect()
    writer.execute("begin")
    told = [insert_as_a_writer_does(writer, "ada")]
    tell_of_many(10)

    def commit_late() -> None:
        kafka.when_sending = lambda: None
        writer.execute("commit")
        told.append(tell_session_ended("ada"))

    kafka.when_sending = commit_late
    drain(relay)

    assert ids(kafka, "ada") == told


def test_a_key_that_is_released_between_two_batches_goes_on_where_it_stopped(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    told = [tell_of("ada")]
    Hold.objects.create(scope="relay", topic="opencore.user.v1", key=str(person("ada")))
    tell_of_many(10)
    told.append(tell_session_ended("ada"))
    relay = new_relay()

    def release() -> None:
        Hold.objects.all().delete()

    kafka.when_sending = release
    drain(relay)

    assert ids(kafka, "ada") == told


@override_settings(OUTBOX_LANES=1)
def test_a_poisoned_event_stops_its_keys_next_event_in_the_batch_behind(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    kafka.largest = 1000
    poison = tell_of("mallory", email=TOO_LARGE)
    for _ in range(10):
        tell_session_ended("mallory")
    sendings: list[int] = []
    kafka.when_sending = lambda: sendings.append(len(kafka.on_their_way))

    assert new_relay().relay_batch() == Tally(retried=1)

    assert sendings == [0, 1, 0]
    assert kafka.received == []
    assert Hold.objects.get().event_id == poison
    assert OutboxEvent.objects.count() == 11


def test_a_lane_lost_while_two_batches_are_on_their_way_records_neither(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of_many(20)
    zombie = new_relay("zombie")

    def lose_the_lanes() -> None:
        Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        kafka.while_publishing = lambda: None
        new_relay("heir", KafkaSpy())

    kafka.while_publishing = lose_the_lanes

    with pytest.raises(LaneLost):
        zombie.relay_batch()

    assert (OutboxEvent.objects.count(), ArchivedEvent.objects.count()) == (20, 0)


def test_an_outage_that_begins_behind_a_batch_costs_nothing(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    told = tell_of_many(15)
    relay = new_relay()

    def go_down_for_the_second() -> None:
        kafka.up = not kafka.received

    kafka.when_sending = go_down_for_the_second
    tallies = [relay.relay_batch(), relay.relay_batch()]
    kafka.when_sending = lambda: None
    kafka.up = True

    assert tallies == [Tally(sent=10), Tally(waiting=5)]
    assert drain(relay) == Tally(sent=5)
    assert sorted(ids(kafka)) == sorted(told)


def eventually(wanted: int, count: Callable[[], int]) -> int:
    """Wait until this many are there, and return how many are."""
    deadline = monotonic() + PATIENCE
    while (found := count()) != wanted and monotonic() < deadline:
        Event().wait(0.001)
    return found


def drain(relay: Relay) -> Tally:
    """Relay until nothing is due."""
    total = Tally()
    while (tally := relay.relay_batch()) != Tally():
        total += tally
    return total


def ids(kafka: KafkaSpy, name: str | None = None) -> list[UUID]:
    """Return the ids that arrived, in order; of one person, if a name is given."""
    return [
        envelope.event_id
        for envelope in kafka.envelopes
        if name is None or envelope.event.key == person(name)
    ]

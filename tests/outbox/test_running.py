"""What a relay that runs by itself promises: to go on, to stop, to share nothing."""

import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from django.db import connection

from outbox import running
from outbox.connecting import open_connection
from outbox.failures import Failure, FailureClass
from outbox.kafka.publisher import KafkaPublisher
from outbox.models import Attempt, DeadLetter, Lane, OutboxEvent
from outbox.relay import Outgoing, Tally
from outbox.running import Stop, run_relay
from tests.contract.test_publisher_contract import Letter, Real, real
from tests.outbox.conftest import Relays
from tests.outbox.events import tell_of, tell_of_many
from tests.outbox.fakes import KafkaSpy, SpiedSending

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 60.0
HOUR = timedelta(hours=1)

__all__ = ("real",)


@dataclass
class SilentKafka(KafkaSpy):
    """A Kafka that takes messages and never answers."""

    asked: int = 0

    def send(self, messages: Sequence[Outgoing]) -> SpiedSending:
        return SilentSending(self, [NO_ANSWER] * len(messages))


@dataclass(eq=False)
class SilentSending(SpiedSending):
    def wait(self, *, while_waiting: Callable[[], bool]) -> list[Failure | None]:
        while while_waiting():
            self.spy.while_publishing()
        return self.outcomes


NO_ANSWER = Failure(FailureClass.CLUSTER, None, "no answer")


@dataclass
class Once:
    """Does something the first time it is called."""

    act: Callable[[], object]
    done: list[object] = field(default_factory=list)

    def __call__(self) -> None:
        if not self.done:
            self.done.append(self.act())


def owners() -> set[str]:
    return set(Lane.objects.values_list("owner", flat=True))


def test_a_second_flush_returns_at_once_while_the_first_holds_the_lanes(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of("ada")
    new_relay("first")

    assert run_relay(publisher=kafka, stop=Stop(), turn=HOUR) == Tally()

    assert kafka.received == []


def test_a_turn_ends_by_itself_and_leaves_the_lanes_free(kafka: KafkaSpy) -> None:
    tell_of("ada")
    turn = timedelta(seconds=0.2)

    assert run_relay(publisher=kafka, stop=Stop(), turn=turn) == Tally(sent=1)

    assert owners() == {""}


def test_a_turn_leaves_the_publisher_open_for_the_next(
    kafka: KafkaSpy, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(kafka, "close", lambda: closed.append(True))
    tell_of("ada")

    run_relay(publisher=kafka, stop=Stop(), turn=timedelta(seconds=0.2))

    assert (len(kafka.received), closed) == (1, [])


def test_a_turn_that_can_not_record_leaves_nothing_on_its_way(
    kafka: KafkaSpy, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(kafka, "close", lambda: closed.append(True))
    tell_of("ada")
    stop = Stop()

    def stop_without_a_connection() -> None:
        stop.ask()
        cut_relays()

    kafka.while_publishing = stop_without_a_connection

    run_relay(publisher=kafka, stop=stop)

    assert closed != []


def test_the_next_turn_takes_the_lanes_of_the_last_at_once(kafka: KafkaSpy) -> None:
    turn = timedelta(seconds=0.2)
    run_relay(publisher=kafka, stop=Stop(), turn=turn)
    tell_of("ada")

    assert run_relay(publisher=kafka, stop=Stop(), turn=turn) == Tally(sent=1)


def test_a_relay_that_is_stopped_while_kafka_is_silent_gives_its_lanes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "GRACE", 0.0)
    tell_of("ada")
    stop = Stop()
    silent = SilentKafka(while_publishing=stop.ask)

    assert run_relay(publisher=silent, stop=stop) == Tally(waiting=1)

    assert owners() == {""}
    assert (OutboxEvent.objects.count(), Attempt.objects.count()) == (1, 0)


def test_a_relay_knocks_until_kafka_is_back_and_counts_nothing(
    kafka: KafkaSpy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "FIRST_PAUSE", 0.01)
    told = tell_of_many(5)
    stop = Stop()
    kafka.up = False
    knocks: list[bool] = []

    def answer_the_third() -> bool:
        knocks.append(len(knocks) == 2)
        kafka.up = knocks[-1]
        return kafka.up

    monkeypatch.setattr(kafka, "probe", answer_the_third)
    kafka.while_publishing = lambda: stop.ask() if kafka.up else None

    tally = run_relay(publisher=kafka, stop=stop)

    assert knocks == [False, False, True]
    assert tally == Tally(sent=5, waiting=5)
    assert sorted(envelope.event_id for envelope in kafka.envelopes) == sorted(told)
    assert (Attempt.objects.count(), DeadLetter.objects.count()) == (0, 0)


def test_a_relay_whose_connection_is_cut_goes_on_with_another(
    kafka: KafkaSpy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "FIRST_PAUSE", 0.01)
    event_id = tell_of("ada")
    stop = Stop()
    kafka.while_publishing = Once(cut_relays)
    kafka.when_sending = lambda: stop.ask() if kafka.received else None

    tally = run_relay(publisher=kafka, stop=stop)

    assert tally == Tally(sent=1)
    assert [envelope.event_id for envelope in kafka.envelopes] == [event_id, event_id]
    assert OutboxEvent.objects.count() == 0


def test_a_relay_that_lost_its_lanes_takes_them_again_when_they_are_free(
    kafka: KafkaSpy,
) -> None:
    tell_of("ada")
    stop = Stop()
    kafka.while_publishing = Once(
        lambda: Lane.objects.update(epoch=1_000, owner="another")
    )
    kafka.when_sending = lambda: stop.ask() if kafka.received else None

    tally = run_relay(publisher=kafka, stop=stop)

    assert tally == Tally(sent=1)
    assert OutboxEvent.objects.count() == 0


def test_a_relay_that_stands_by_takes_over_when_the_owners_connection_dies(
    new_relay: Relays, kafka: KafkaSpy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "STANDBY_PAUSE", 0.05)
    new_relay("owner")
    tell_of("ada")
    stop, looked = Stop(), Event()
    kafka.while_publishing = stop.ask

    def connect(**told: Any) -> "psycopg.Connection[Any]":
        looked.set()
        return open_connection(**told)

    standby = Thread(
        target=run_relay,
        kwargs={"publisher": kafka, "stop": stop, "open_connection": connect},
    )
    standby.start()
    assert looked.wait(PATIENCE)
    assert kafka.received == []
    cut_relays("test-relay")
    standby.join(PATIENCE)

    assert not standby.is_alive()
    assert len(kafka.received) == 1


def test_a_publisher_that_came_through_fork_delivers(real: Real) -> None:
    parents = Letter(real.topic, "ada", b"from the parent")
    publish_one(real.publisher, parents)
    childs = Letter(real.topic, "ada", b"from the child")

    child = multiprocessing.get_context("fork").Process(
        target=publish_one, args=(real.publisher, childs)
    )
    child.start()
    child.join(PATIENCE)

    assert child.exitcode == 0
    assert [payload for _, payload in real.arrived()] == [
        b"from the parent",
        b"from the child",
    ]


def publish_one(publisher: KafkaPublisher, letter: Letter) -> None:
    """Send and wait; fail unless Kafka has it."""
    assert publisher.send([letter]).wait(while_waiting=lambda: True) == [None]


def cut_relays(name: str = "opencore-relay") -> None:
    """End the sessions of relays, as a broken network does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = %s",
            [name],
        )

"""One suite for both publishers: what the spy does, the real Kafka does too."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from time import monotonic
from typing import Protocol

import pytest
from confluent_kafka import Consumer, TopicPartition
from django.conf import settings

from outbox.failures import Failure, FailureClass
from outbox.kafka.publisher import KafkaPublisher
from outbox.relay import Publisher, Sending
from tests.contract.topics import scratch_topic
from tests.outbox.fakes import KafkaSpy

LARGEST = 50_000


@dataclass(frozen=True)
class Letter:
    """A message as a relay would send it."""

    topic: str
    key: str
    payload: bytes
    named: list[tuple[str, bytes]] = field(default_factory=list)

    def headers(self) -> list[tuple[str, bytes]]:
        return self.named


class Side(Protocol):
    """A publisher, a topic that it knows, and a look at what arrived there."""

    topic: str

    @property
    def publisher(self) -> Publisher:
        """Return it."""

    def arrived(self) -> list[tuple[str, bytes]]:
        """Return keys and payloads, in the order of each key."""


@dataclass
class Spied:
    publisher: KafkaSpy
    topic: str = "known"

    def arrived(self) -> list[tuple[str, bytes]]:
        return [(message.key, message.payload) for message in self.publisher.received]


@dataclass
class Real:
    publisher: KafkaPublisher
    topic: str

    def arrived(self) -> list[tuple[str, bytes]]:
        return read_topic(self.topic)


def read_topic(topic: str) -> list[tuple[str, bytes]]:
    """Read the topic's one partition from its beginning to its end."""
    consumer = Consumer({**settings.KAFKA, "group.id": "observer"})
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        assert low == 0
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: list[tuple[str, bytes]] = []
        while len(found) < high:
            message = consumer.poll(10)
            assert message is not None
            assert message.error() is None
            found.append(((message.key() or b"").decode(), message.value() or b""))
        return found
    finally:
        consumer.close()


@pytest.fixture
def real() -> Iterator[Real]:
    config = {"max.message.bytes": str(LARGEST)}
    with scratch_topic(partitions=1, config=config) as topic:
        publisher = KafkaPublisher()
        yield Real(publisher, topic)
        publisher.close()


@pytest.fixture(params=["spy", "kafka"])
def side(request: pytest.FixtureRequest) -> Side:
    if request.param == "spy":
        spy = KafkaSpy(largest=LARGEST, refused_topics={"nowhere"})
        return Spied(spy)
    side: Side = request.getfixturevalue("real")
    return side


def test_what_is_acknowledged_has_arrived_in_order(side: Side) -> None:
    letters = [Letter(side.topic, "ada", str(number).encode()) for number in range(300)]

    outcomes = publish(side, letters)

    assert outcomes == [None] * 300
    assert side.arrived() == [("ada", letter.payload) for letter in letters]


def test_a_message_that_is_too_large_is_the_events_own_fault(side: Side) -> None:
    letter = Letter(side.topic, "mallory", b"x" * 2 * LARGEST)

    (outcome,) = publish(side, [letter])

    assert outcome is not None
    assert (outcome.kind, outcome.code) == (FailureClass.EVENT, 10)
    assert side.arrived() == []


def test_nothing_overtakes_a_refused_message_of_its_key(side: Side) -> None:
    letters = [
        Letter(side.topic, "mallory", b"x" * 2 * LARGEST),
        *[Letter(side.topic, "mallory", b"small") for _ in range(50)],
    ]

    outcomes = publish(side, letters)

    assert None not in outcomes
    assert side.arrived() == []


def test_a_publisher_works_on_after_a_refusal(side: Side) -> None:
    publish(side, [Letter(side.topic, "mallory", b"x" * 2 * LARGEST)])

    outcomes = publish(side, [Letter(side.topic, "ada", b"hello")])

    assert outcomes == [None]
    assert side.arrived() == [("ada", b"hello")]


def test_an_unknown_topic_is_the_topics_fault_alone(side: Side) -> None:
    letters = [Letter("nowhere", "ada", b"lost?"), Letter(side.topic, "ada", b"found")]

    outcomes = publish(side, letters)

    assert [_kind(outcome) for outcome in outcomes] == [FailureClass.TOPIC, None]
    assert side.arrived() == [("ada", b"found")]


def test_a_cluster_that_is_there_answers_a_probe(side: Side) -> None:
    assert side.publisher.probe() is True


def test_what_is_sent_behind_a_batch_arrives_behind_it(side: Side) -> None:
    letters = [Letter(side.topic, "ada", str(number).encode()) for number in range(600)]

    first = side.publisher.send(letters[:300])
    second = side.publisher.send(letters[300:])

    assert (wait_for(first), wait_for(second)) == ([None] * 300, [None] * 300)
    assert side.arrived() == [("ada", letter.payload) for letter in letters]


def test_single_messages_that_follow_each_other_keep_their_order(side: Side) -> None:
    letters = [Letter(side.topic, "ada", str(number).encode()) for number in range(9)]

    sendings = [side.publisher.send([letter]) for letter in letters]

    assert [wait_for(sending) for sending in sendings] == [[None]] * 9
    assert side.arrived() == [("ada", letter.payload) for letter in letters]


def test_nothing_behind_a_single_message_overtakes_its_refusal(side: Side) -> None:
    first = side.publisher.send([Letter(side.topic, "mallory", b"x" * 2 * LARGEST)])

    second = side.publisher.send([Letter(side.topic, "mallory", b"later")] * 2)

    assert None not in wait_for(first) + wait_for(second)
    assert side.arrived() == []


def test_nothing_behind_a_batch_overtakes_what_was_refused_of_it(side: Side) -> None:
    poisoned = [
        Letter(side.topic, "mallory", b"x" * 2 * LARGEST),
        Letter(side.topic, "mallory", b"small"),
    ]

    first = side.publisher.send(poisoned)
    second = side.publisher.send([Letter(side.topic, "mallory", b"later")])

    assert None not in wait_for(first) + wait_for(second)
    assert side.arrived() == []


def test_a_refusal_behind_a_batch_takes_nothing_from_the_batch(side: Side) -> None:
    letters = [Letter(side.topic, "ada", str(number).encode()) for number in range(50)]

    first = side.publisher.send(letters)
    second = side.publisher.send([Letter(side.topic, "mallory", b"x" * 2 * LARGEST)])

    assert None not in wait_for(second)
    assert {_kind(outcome) for outcome in wait_for(first)} <= {
        None,
        FailureClass.SUSPECT,
    }
    arrived = side.arrived()
    assert arrived == [("ada", letter.payload) for letter in letters[: len(arrived)]]
    assert wait_for(first).count(None) <= len(arrived)


def test_a_batch_that_arrived_is_not_blamed_for_what_was_refused_behind_it(
    side: Side,
) -> None:
    letters = [Letter(side.topic, "ada", b"hello")] * 2
    first = side.publisher.send(letters)
    until(lambda: len(side.arrived()) == 2)

    side.publisher.send([Letter(side.topic, "mallory", b"x" * 2 * LARGEST)])

    assert wait_for(first) == [None, None]


def test_nothing_is_sent_behind_a_batch_whose_topic_is_unknown(side: Side) -> None:
    first = side.publisher.send([Letter("nowhere", "ada", b"lost?")])
    second = side.publisher.send([Letter(side.topic, "ada", b"later")])

    assert not first.unharmed
    assert [_kind(outcome) for outcome in wait_for(second)] == [FailureClass.BEHIND]
    assert side.arrived() == []


def test_a_batch_that_was_given_up_before_its_answers_is_harmed(real: Real) -> None:
    sending = real.publisher.send([Letter(real.topic, "ada", b"arrived?")])

    real.publisher.close()

    assert not sending.unharmed
    assert [_kind(outcome) for outcome in wait_for(sending)] == [FailureClass.CLUSTER]


def test_after_a_failure_nothing_is_on_its_way(side: Side) -> None:
    letter = Letter(side.topic, "mallory", b"x" * 2 * LARGEST)
    wait_for(side.publisher.send([letter]))

    assert publish(side, [Letter(side.topic, "ada", b"hello")]) == [None]
    assert side.arrived() == [("ada", b"hello")]


def publish(side: Side, letters: Sequence[Letter]) -> list[Failure | None]:
    """Send and wait."""
    return wait_for(side.publisher.send(letters))


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    give_up = monotonic() + 60
    while not holds():
        assert monotonic() < give_up
        Event().wait(0.05)


def wait_for(sending: Sending) -> list[Failure | None]:
    """Wait as patiently as the publisher does."""
    return sending.wait(while_waiting=lambda: True)


def _kind(outcome: Failure | None) -> FailureClass | None:
    return None if outcome is None else outcome.kind

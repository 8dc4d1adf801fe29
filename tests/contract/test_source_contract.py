"""One suite for both sources: what the spy does, the real consumer group does too."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol, TypeVar
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from django.conf import settings

from outbox.kafka.source import KafkaSource
from outbox.receiving import Received, Source
from tests.outbox.fakes import LogSpy

PATIENCE = 60.0
PARTITIONS = 4

Message = tuple[str, bytes]
T = TypeVar("T")


class Log(Protocol):
    """A topic, whoever plays it, and members of one group that read it."""

    def write(self, messages: Sequence[Message]) -> None:
        """Add messages in their order, one partition per key."""

    def join(self) -> Source:
        """Become a member of the group."""


@dataclass
class SpiedLog:
    """The log of spies: what was noted as done is not handed out again."""

    written: list[Received] = field(default_factory=list)
    members: list[LogSpy] = field(default_factory=list)

    def write(self, messages: Sequence[Message]) -> None:
        self.written += [
            Received("spied", 0, len(self.written) + place, key, payload, [("n", b"1")])
            for place, (key, payload) in enumerate(messages)
        ]

    def join(self) -> Source:
        done = [each.offset for spy in self.members for each in spy.done_with]
        left = self.written[max(done, default=-1) + 1 :]
        self.members.append(LogSpy(messages=left))
        return self.members[-1]


@dataclass
class RealLog:
    """A topic of the real Kafka."""

    topic: str
    group: str
    members: list[KafkaSource] = field(default_factory=list)

    def write(self, messages: Sequence[Message]) -> None:
        producer = Producer({**settings.KAFKA, "partitioner": "murmur2_random"})
        for key, payload in messages:
            producer.produce(self.topic, payload, key, headers=[("n", b"1")])
        assert producer.flush(PATIENCE) == 0

    def join(self) -> KafkaSource:
        self.members.append(KafkaSource(group=self.group, topics=[self.topic]))
        return self.members[-1]


@pytest.fixture
def real() -> Iterator[RealLog]:
    topic = f"contract.{uuid4().hex}"
    client = AdminClient(dict(settings.KAFKA))
    made = client.create_topics([NewTopic(topic, num_partitions=PARTITIONS)])
    made[topic].result(timeout=PATIENCE)
    log = RealLog(topic, group=topic)
    yield log
    for member in log.members:
        member.close()
    client.delete_topics([topic])[topic].result(timeout=PATIENCE)


@pytest.fixture(params=["spy", "kafka"])
def log(request: pytest.FixtureRequest) -> Log:
    if request.param == "spy":
        return SpiedLog()
    log: Log = request.getfixturevalue("real")
    return log


def test_hands_out_what_was_written_with_key_payload_and_headers(log: Log) -> None:
    log.write([("ada", b"hello")])

    (received,) = read(log.join(), 1)

    assert (received.key, received.payload) == ("ada", b"hello")
    assert (received.offset, received.headers) == (0, [("n", b"1")])


def test_keeps_the_order_of_a_key(log: Log) -> None:
    written = [("ada", str(number).encode()) for number in range(300)]
    log.write(written)

    received = read(log.join(), 300)

    assert [each.payload for each in received] == [payload for _, payload in written]


def test_hands_out_no_more_than_was_asked_for(log: Log) -> None:
    log.write([("ada", b"x")] * 20)
    source = log.join()
    read(source, 1, limit=1)

    assert len(until(lambda: source.receive(limit=5, seconds=1.0))) <= 5


def test_returns_nothing_when_there_is_nothing(log: Log) -> None:
    assert log.join().receive(limit=5, seconds=0.01) == []


def test_what_was_noted_as_done_is_not_read_again(log: Log) -> None:
    log.write([("ada", b"first"), ("ada", b"second"), ("ada", b"third")])
    one = log.join()
    received = read(one, 3)
    one.done(received[1])
    one.close()

    (again,) = read(log.join(), 1)

    assert again.payload == b"third"


def test_what_was_not_noted_is_read_again(log: Log) -> None:
    log.write([("ada", b"first")])
    one = log.join()
    read(one, 1)
    one.close()

    (again,) = read(log.join(), 1)

    assert again.payload == b"first"


def test_staying_reads_nothing_away(log: Log) -> None:
    log.write([("ada", b"first")])
    source = log.join()

    for _ in range(5):
        source.stay()

    assert [each.payload for each in read(source, 1)] == [b"first"]


def test_a_second_member_takes_partitions_over_and_gives_them_back(
    real: RealLog,
) -> None:
    keys = [f"key-{number}" for number in range(40)]
    first = real.join()
    real.write([(key, b"1") for key in keys])
    handled = note_all(first, read(first, 40))

    second = real.join()
    until(lambda: shares(first, second))
    real.write([(key, b"2") for key in keys])
    while len(handled) < 80:
        handled |= note_all(first, first.receive(limit=10, seconds=0.1))
        handled |= note_all(second, second.receive(limit=10, seconds=0.1))
    second.close()
    real.members.remove(second)
    real.write([(key, b"3") for key in keys])
    while len(handled) < 120:
        handled |= note_all(first, first.receive(limit=10, seconds=0.1))

    assert handled == {(key, payload) for key in keys for payload in (b"1", b"2", b"3")}


def read(source: Source, count: int, *, limit: int = 1000) -> list[Received]:
    """Read so many messages, which must be all there are."""
    found: list[Received] = []
    give_up = monotonic() + PATIENCE
    while len(found) < count:
        assert monotonic() < give_up
        found += source.receive(limit=limit, seconds=0.2)
    assert len(found) == count
    return found


def note_all(source: Source, messages: Sequence[Received]) -> set[Message]:
    """Note each as done, and return keys and payloads."""
    for received in messages:
        source.done(received)
    return {(received.key, received.payload) for received in messages}


def shares(first: KafkaSource, second: KafkaSource) -> bool:
    """Let both take part in the rebalance; return whether it is over."""
    first.receive(limit=1, seconds=0.1)
    second.receive(limit=1, seconds=0.1)
    return bool(first.assigned) and bool(second.assigned)


def until(ask: Callable[[], T]) -> T:
    """Ask until the answer is one."""
    give_up = monotonic() + PATIENCE
    while not (answer := ask()):
        assert monotonic() < give_up
    return answer

"""What benches ask of a Kafka, real or mock."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from django.conf import settings
from django.test import override_settings

from tests.bench.mock import MockKafka

SECONDS = 60


@contextmanager
def speaking_to(url: str) -> Iterator[None]:
    """Let all clients in this process use this Kafka."""
    with override_settings(KAFKA={**settings.KAFKA, "bootstrap.servers": url}):
        yield


@contextmanager
def broker(name: str, topic: str) -> Iterator[str]:
    """Let all clients in this process use the mock cluster, or Kafka; give its address."""
    if name == "Kafka":
        yield str(settings.KAFKA["bootstrap.servers"])
        return
    with MockKafka(topic) as mock, speaking_to(mock.url):
        yield mock.url


def end_of_log(topic: str) -> int:
    """Return how many messages this topic ever took."""
    consumer = Consumer({**settings.KAFKA, "group.id": "bench", "log_level": 3})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        return sum(
            consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)[1]
            for number in partitions
        )
    finally:
        consumer.close()


class Raw:
    """The client library alone, as quick as Python can drive it."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self._producer = Producer(
            {
                **settings.KAFKA,
                "log_level": 3,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "linger.ms": 2,
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": 2_000_000,
            }
        )
        # So that no figure holds the time of a first connection.
        self._producer.list_topics(timeout=10)

    def send(self, topic: str, messages: list[tuple[bytes, bytes]]) -> None:
        """Send keys and values, and return when each one is acknowledged."""
        produce, poll = self._producer.produce, self._producer.poll
        for number, (key, value) in enumerate(messages):
            produce(topic, value, key=key, on_delivery=self._note)
            if number % 256 == 0:
                poll(0)
        self._producer.flush(SECONDS)

    def _note(self, error: object, _message: Message) -> None:
        assert error is None
        self.acknowledged += 1

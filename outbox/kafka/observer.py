"""Watches topics from now on, outside of any consumer group."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from outbox.kafka.config import client_config
from outbox.kafka.topics import KafkaUnreachable

# A broker that has just started answers before it leads its partitions.
LONGEST_ELECTION = 10.0
_ELECTING = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
    }
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where in Kafka an event was seen."""

    topic: str
    partition: int
    offset: int


class Observer:
    """Reads what arrives after its start; it changes nothing in Kafka."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._seen: dict[str, Sighting] = {}
        self._consumer = Consumer(
            {
                **client_config(),
                "group.id": "opencore.observer",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
            }
        )
        try:
            self._consumer.assign(self._ends(topics))
        except KafkaException as error:
            self._consumer.close()
            raise KafkaUnreachable(str(error.args[0])) from error

    def find(self, event_id: UUID, *, seconds: float) -> Sighting | None:
        """Return where the event is, waiting for it at most so long."""
        give_up = monotonic() + seconds
        while str(event_id) not in self._seen and monotonic() < give_up:
            self._read(min(0.1, seconds))
        return self._seen.get(str(event_id))

    def close(self) -> None:
        """Stop watching."""
        self._consumer.close()

    def _ends(self, topics: Sequence[str]) -> list[TopicPartition]:
        known = self._consumer.list_topics(timeout=5).topics
        ends = []
        for topic in topics:
            for partition in known[topic].partitions if topic in known else ():
                place = TopicPartition(topic, partition)
                ends.append(TopicPartition(topic, partition, self._end_of(place)))
        return ends

    def _end_of(self, place: TopicPartition) -> int:
        """Return where a partition ends, once it has a leader."""
        give_up = monotonic() + LONGEST_ELECTION
        while True:
            try:
                _, high = self._consumer.get_watermark_offsets(place, timeout=5)
            except KafkaException as error:
                if error.args[0].code() not in _ELECTING or monotonic() > give_up:
                    raise
                self._consumer.poll(0.1)
            else:
                return int(high)

    def _read(self, seconds: float) -> None:
        message = self._consumer.poll(seconds)
        if message is None or message.error() is not None:
            return
        event_id = dict(message.headers() or []).get("ce_id")
        if isinstance(event_id, bytes):
            self._seen[event_id.decode()] = Sighting(
                message.topic() or "", message.partition() or 0, message.offset() or 0
            )

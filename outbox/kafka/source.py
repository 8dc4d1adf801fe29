"""Reads the streams of a consumer group, and remembers how far it got."""

import logging
from collections.abc import Sequence
from typing import cast

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from outbox.kafka.config import client_config
from outbox.receiving import Received

log = logging.getLogger(__name__)


class KafkaSource:
    """A member of a consumer group; what it noted as done it never reads again."""

    def __init__(self, *, group: str, topics: Sequence[str]) -> None:
        self._consumer = Consumer(
            {
                **client_config(),
                "group.id": group,
                "client.id": group,
                "auto.offset.reset": "earliest",
                # Offsets are committed in the background, at a rebalance and at the
                # end, but only those that were noted as done.
                "enable.auto.commit": True,
                "auto.commit.interval.ms": 500,
                "enable.auto.offset.store": False,
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": 10_000,
                "heartbeat.interval.ms": 2_000,
                "isolation.level": "read_committed",
                "topic.metadata.refresh.interval.ms": 5_000,
                "fetch.wait.max.ms": 100,
            }
        )
        self._consumer.subscribe(list(topics))

    @property
    def assigned(self) -> int:
        """Return how many partitions this member has now."""
        return len(self._consumer.assignment())

    def receive(self, *, limit: int, seconds: float) -> list[Received]:
        """Wait for a message; return it with those that are there as well, in order."""
        found: list[Received] = []
        while len(found) < limit:
            # Not consume(): that waits for the whole number of messages.
            message = self._consumer.poll(0 if found else seconds)
            if message is None:
                break
            error = message.error()
            if error is not None:
                _note(error)
                break
            found.append(_received(message))
        return found

    def done(self, received: Received) -> None:
        """Note that this message, and its partition up to it, are dealt with."""
        try:
            self._consumer.store_offsets(
                offsets=[
                    TopicPartition(
                        received.topic, received.partition, received.offset + 1
                    )
                ]
            )
        except KafkaException as error:
            # The partition went to another member, who will meet the inbox.
            log.info("offset not kept", extra={"error": str(error)})

    def stay(self) -> None:
        """Remain a member of the group without reading on."""
        assigned = self._consumer.assignment()
        self._consumer.pause(assigned)
        message = self._consumer.poll(0)
        if message is not None and message.error() is None:
            # A partition that was assigned just now; its message is read again later.
            self._consumer.seek(
                TopicPartition(
                    message.topic() or "",
                    message.partition() or 0,
                    message.offset() or 0,
                )
            )
        self._consumer.resume(self._consumer.assignment())

    def close(self) -> None:
        """Commit what was noted and leave the group."""
        self._consumer.close()


def _received(message: Message) -> Received:
    return Received(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=(message.key() or b"").decode("utf-8", "replace").replace("\0", "\ufffd"),
        payload=message.value() or b"",
        headers=_headers_of(message),
    )


def _headers_of(message: Message) -> list[tuple[str, bytes]]:
    # The stub allows strings and a dictionary; librdkafka gives pairs with bytes.
    pairs = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    return [(name, value or b"") for name, value in pairs]


def _note(error: KafkaError) -> None:
    if error.code() != KafkaError._PARTITION_EOF:
        log.warning("kafka did not deliver", extra={"error": error.str()})

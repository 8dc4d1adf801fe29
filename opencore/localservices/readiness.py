"""Whether Kafka really works: an open port is not enough."""

import logging
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

SCRATCH = "opencore.scratch"
WITHIN = 2.0

_silent = logging.getLogger("opencore.localservices.librdkafka")
_silent.setLevel(logging.CRITICAL + 1)


class KafkaReadiness:
    """Asks for metadata, an acknowledged write, and a group's coordinator, in turn."""

    def __init__(self, servers: str) -> None:
        config: dict[str, Any] = {
            "bootstrap.servers": servers,
            "reconnect.backoff.max.ms": 200,
            "logger": _silent,
        }
        self._admin = AdminClient(config)
        self._producer = Producer({**config, "enable.idempotence": True})
        self._consumer = Consumer({**config, "group.id": SCRATCH})
        self._acknowledged = False

    def __enter__(self) -> "KafkaReadiness":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._consumer.close()
        self._producer.purge()
        self._producer.flush(0)

    def reached(self) -> bool:
        """Return whether all three worked; call again if not."""
        try:
            topics = self._admin.list_topics(timeout=WITHIN).topics
            if SCRATCH not in topics:
                self._make_scratch()
            if not self._acknowledged:
                self._write()
            # The first look-up of a new cluster makes the topic of the offsets.
            self._consumer.committed([TopicPartition(SCRATCH, 0)], timeout=WITHIN)
        except (KafkaException, SystemError):
            return False
        return self._acknowledged

    def _make_scratch(self) -> None:
        config = {"retention.ms": "60000"}
        new = NewTopic(SCRATCH, num_partitions=1, config=config)
        self._admin.create_topics([new])[SCRATCH].result(WITHIN)

    def _write(self) -> None:
        def note(error: object, _message: object) -> None:
            self._acknowledged = error is None

        self._producer.produce(SCRATCH, b"ready?", on_delivery=note)
        self._producer.flush(WITHIN)

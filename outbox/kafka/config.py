"""What every Kafka client of ours is configured with."""

import logging
from typing import Any

from confluent_kafka import KafkaError
from django.conf import settings

log = logging.getLogger(__name__)

# librdkafka repeats itself many times a second while a broker is away.
client_log = logging.getLogger("outbox.kafka.librdkafka")
client_log.setLevel(logging.CRITICAL)


def client_config() -> dict[str, Any]:
    """Return where Kafka is, how to speak to it, and how soon to try again."""
    return {
        **settings.KAFKA,
        "logger": client_log,
        "error_cb": _note,
        "socket.timeout.ms": 10_000,
        "socket.keepalive.enable": True,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "allow.auto.create.topics": False,
    }


def _note(error: KafkaError) -> None:
    log.debug(
        "kafka client reported", extra={"code": error.code(), "error": str(error)}
    )

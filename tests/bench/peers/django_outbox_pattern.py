"""Drives django-outbox-pattern.

It speaks STOMP. Where its setting takes a class for the connection it gets one that
hands each message to Kafka's client and, as STOMP does, does not wait for an answer.
"""

from typing import Any
from uuid import uuid4

from confluent_kafka import Producer
from django.core.management import call_command
from django.db import connection, transaction

from tests.bench.peers import driving

WORLD = driving.world()
driving.set_up_django(
    "django_outbox_pattern",
    DJANGO_OUTBOX_PATTERN={
        "DEFAULT_CONNECTION_CLASS": f"{__package__}.django_outbox_pattern.ToKafka",
        "DEFAULT_PUBLISHED_CHUNK_SIZE": 2000,
    },
)

from django_outbox_pattern.models import (  # type: ignore[import-not-found]  # noqa: E402 -- in the peer's environment, once Django is set up
    Published,
)


class ToKafka:
    """What the peer needs of a STOMP connection."""

    def __init__(self, **_parameters: object) -> None:
        self._producer: Producer | None = None

    def connect(self, **_credentials: object) -> None:
        """Make the producer."""
        self._producer = Producer(driving.kafka_config())

    def is_connected(self) -> bool:
        """Return whether messages can be sent."""
        return self._producer is not None

    def send(self, *, destination: str, body: str, headers: Any) -> None:  # noqa: ANN401 -- whatever the peer has
        """Send without waiting."""
        assert self._producer is not None
        self._producer.produce(
            destination, body.encode(), key=headers["dop-msg-id"], headers=headers
        )
        self._producer.poll(0)

    def disconnect(self) -> None:
        """Send what is left."""
        if self._producer is not None:
            self._producer.flush(60)
        self._producer = None


def drain(events: int, seconds: float) -> None:
    """Fill the table, then publish as the peer's command does."""
    driving.execute("truncate published")
    _tell()
    driving.multiply(
        "published",
        "id, version, destination, body, added, expires_at, retry, status, headers",
        "gen_random_uuid(), version, destination, body, added, expires_at, retry,"
        " status, headers",
        events=events,
    )
    driving.watch(driving.arrived_in_kafka(), events=events, seconds=seconds)
    call_command("publish")


def emit(events: int, pairs: int) -> None:
    """Measure what its documented way of telling costs."""

    def tell() -> None:
        for _ in range(events):
            _tell()

    driving.marginal(
        lambda: _write(lambda: None), lambda: _write(tell), events=events, pairs=pairs
    )


def _write(tell: Any) -> None:  # noqa: ANN401 -- a function
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("insert into bench_row values (%s)", [uuid4()])
        tell()


def _tell() -> None:
    Published.objects.create(destination=WORLD.topic, body=WORLD.event)


if __name__ == "__main__":
    driving.drive(drain=drain, emit=emit)

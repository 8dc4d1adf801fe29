"""Drives django-reliable-outbox with its own Kafka destination."""

from collections.abc import Callable
from uuid import uuid4

from django.core.management import call_command
from django.db import connection, transaction

from tests.bench.peers import driving

WORLD = driving.world()
driving.set_up_django(
    "reliable_outbox",
    RELIABLE_OUTBOX={
        "DESTINATIONS": {
            "default": {
                "BACKEND": "reliable_outbox.destinations.kafka.KafkaDestination",
                "OPTIONS": {"topic": WORLD.topic, "config": driving.kafka_config()},
            }
        }
    },
)

import reliable_outbox  # type: ignore[import-not-found]  # noqa: E402 -- in the peer's environment, once Django is set up


def drain(events: int, seconds: float) -> None:
    """Fill the table, then run the peer's worker: batches of 100, four threads."""
    from reliable_outbox.models import (  # type: ignore[import-not-found]  # noqa: PLC0415 -- in the peer's environment
        OutboxMessage,
    )

    table = OutboxMessage._meta.db_table
    driving.execute(f"truncate {table}")
    _tell()
    columns = [
        field.column
        for field in OutboxMessage._meta.concrete_fields
        if not field.primary_key
    ]
    values = {"message_id": "gen_random_uuid()", "key": "gen_random_uuid()::text"}
    driving.multiply(
        table,
        ", ".join(columns),
        ", ".join(values.get(name, name) for name in columns),
        events=events,
    )
    driving.watch(driving.arrived_in_kafka(), events=events, seconds=seconds)
    call_command("outbox_worker", concurrency=4, batch_size=100)


def emit(events: int, pairs: int) -> None:
    """Measure what its documented way of telling costs."""

    def tell() -> None:
        for _ in range(events):
            _tell()

    driving.marginal(
        lambda: _write(lambda: None), lambda: _write(tell), events=events, pairs=pairs
    )


def _write(tell: Callable[[], None]) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("insert into bench_row values (%s)", [uuid4()])
        tell()


def _tell() -> None:
    reliable_outbox.publish("bench.told", WORLD.event, key=str(uuid4()))


if __name__ == "__main__":
    driving.drive(drain=drain, emit=emit)

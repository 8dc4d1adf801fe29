"""How long after its commit an event is acknowledged by Kafka and recorded."""

from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from uuid import uuid4

from django.db import connection, transaction

from opencore.events.user.v1 import UserCreated
from outbox import doorbell
from outbox.kafka.publisher import KafkaPublisher
from outbox.publishing import emit
from outbox.running import Stop, run_relay
from tests.bench.figures import Figure, Say, percentile

PER_SECOND = 20


def measure(*, seconds: int, say: Say) -> list[Figure]:
    """Measure with the doorbell, and with the relay's own looking about alone."""
    figures = []
    for name, rings in (("with the doorbell", True), ("by the floor poll", False)):
        say(f"latency: {name}, {seconds} s at {PER_SECOND} events/s")
        waits = _deliver(seconds, rings=rings)
        figures += [
            Figure("latency", f"{name}: p50", percentile(waits, 0.50), "ms"),
            Figure("latency", f"{name}: p99", percentile(waits, 0.99), "ms"),
        ]
    return figures


def _deliver(seconds: int, *, rings: bool) -> list[float]:
    with connection.cursor() as cursor:
        cursor.execute("truncate outbox_event, outbox_archive")
    stop = Stop()
    relay = Thread(target=_relay, args=(stop,))
    relay.start()
    try:
        _emit_for(seconds, rings=rings)
        return _waits(seconds * PER_SECOND)
    finally:
        stop.ask()
        relay.join()


def _relay(stop: Stop) -> None:
    run_relay(publisher=KafkaPublisher(), stop=stop, turn=timedelta(hours=1))
    connection.close()


def _emit_for(seconds: int, *, rings: bool) -> None:
    ring = doorbell.ring
    doorbell.ring = ring if rings else lambda: None
    try:
        began = monotonic()
        for number in range(seconds * PER_SECOND):
            due = began + number / PER_SECOND
            Event().wait(max(due - monotonic(), 0))
            with transaction.atomic():
                emit(UserCreated(user_id=uuid4(), email="ada@example.com"))
    finally:
        doorbell.ring = ring


def _waits(events: int) -> list[float]:
    give_up = monotonic() + 30
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "select extract(epoch from delivered_at - created_at) * 1000"
                " from outbox_archive order by id"
            )
            waits = [float(row[0]) for row in cursor.fetchall()]
        if len(waits) == events:
            # The first finds cold caches.
            return waits[PER_SECOND // 2 :]
        assert monotonic() < give_up, "events are missing"
        Event().wait(0.1)

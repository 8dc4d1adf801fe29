"""How quickly one relay empties the outbox into a real Kafka."""

from confluent_kafka import Consumer, Producer, TopicPartition
from django.conf import settings
from django.db import connection

from outbox.backlog import Backlog
from outbox.connecting import open_connection
from outbox.kafka.publisher import KafkaPublisher
from outbox.leases import Leases
from outbox.relay import Relay
from tests.bench.figures import Figure, Say, interleaved, rate

TOPIC = "opencore.user.v1"
PAYLOAD = b"x" * 500


def measure(*, events: int, rounds: int, say: Say) -> list[Figure]:
    """Measure our relay beside Kafka's client alone and PostgreSQL alone."""
    return interleaved(
        "drain",
        {
            "Kafka's client alone, acknowledged": lambda: _produce(events),
            "PostgreSQL alone: read, then fenced move to archive": lambda: _move(
                events
            ),
            "the relay: read, send, acknowledged, moved": lambda: _relay(events),
        },
        rounds=rounds,
        unit="events/s",
        say=say,
    )


def _fill(events: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("truncate outbox_event, outbox_archive")
        cursor.execute(FILL, [settings.OUTBOX_LANES, TOPIC, PAYLOAD, events])
        cursor.execute("vacuum analyze outbox_event")


def _produce(events: int) -> float:
    producer = Producer(
        {**settings.KAFKA, "enable.idempotence": True, "acks": "all", "linger.ms": 2}
    )
    acknowledged = 0

    def note(error: object, _message: object) -> None:
        nonlocal acknowledged
        assert error is None
        acknowledged += 1

    def send() -> None:
        for number in range(events):
            producer.produce(TOPIC, PAYLOAD, key=str(number), on_delivery=note)
            producer.poll(0)
        producer.flush(60)

    found = rate(events, send)
    assert acknowledged == events
    return found


def _move(events: int) -> float:
    _fill(events)
    with open_connection(application_name="bench") as own:
        leases = Leases(own, owner="bench")
        leases.acquire()
        backlog = Backlog(own, leases)

        def move() -> None:
            while found := backlog.due():
                backlog.mark_delivered(found)

        found = rate(events, move)
        leases.release()
    _assert_empty(events)
    return found


def _relay(events: int) -> float:
    _fill(events)
    before = _end_of_log()
    with open_connection(application_name="bench") as own:
        publisher = KafkaPublisher()
        relay = Relay(connection=own, publisher=publisher, name="bench")
        relay.take_lanes()

        def drain() -> None:
            while relay.relay_batch().sent:
                pass

        found = rate(events, drain)
        relay.give_back_lanes()
        publisher.close()
    _assert_empty(events)
    # A figure that counts what Kafka does not have would be worth nothing.
    assert _end_of_log() - before == events
    return found


def _assert_empty(events: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select (select count(*) from outbox_event),"
            " (select count(*) from outbox_archive)"
        )
        assert cursor.fetchone() == (0, events)


def _end_of_log() -> int:
    consumer = Consumer({**settings.KAFKA, "group.id": "bench"})
    try:
        partitions = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
        return sum(
            consumer.get_watermark_offsets(TopicPartition(TOPIC, number), timeout=10)[1]
            for number in partitions
        )
    finally:
        consumer.close()


FILL = """
insert into outbox_event
    (lane, event_id, type, topic, key, payload, occurred_at)
select n %% %s, gen_random_uuid(), 'opencore.user.v1.user-created', %s, n::text, %s,
       now()
from generate_series(1, %s) as n
"""

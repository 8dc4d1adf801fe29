"""Reads Kafka's log from its beginning, and holds it to what was committed."""

from collections import defaultdict
from dataclasses import dataclass

from confluent_kafka import Consumer, TopicPartition

from opencore.events import TOPICS
from tests.failure_modes.system import System


@dataclass(frozen=True, slots=True)
class Record:
    """One record with its place."""

    topic: str
    partition: int
    key: str
    event_id: str
    payload: bytes


def read_log(system: System) -> list[Record]:
    """Return all records of our topics, each partition in its order."""
    consumer = Consumer(
        {
            "bootstrap.servers": system.environment["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": "tests.observer",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
        }
    )
    try:
        ends = _ends(consumer)
        consumer.assign([TopicPartition(*place, 0) for place in ends])
        return _read_to(consumer, ends)
    finally:
        consumer.close()


def assert_lossless_and_ordered(system: System, log: list[Record]) -> None:
    """Fail unless the log holds every delivered event, each key in commit order."""
    committed = _committed(system)
    first: dict[tuple[str, str], list[str]] = defaultdict(list)
    known = {event_id for ids in committed.values() for event_id in ids}
    seen: set[str] = set()
    for record in log:
        if record.event_id in known and record.event_id not in seen:
            seen.add(record.event_id)
            first[record.topic, record.key].append(record.event_id)
    assert known - seen == set(), "lost"
    assert dict(first) == committed, "reordered"


def _committed(system: System) -> dict[tuple[str, str], list[str]]:
    rows = system.sql(
        "select coalesce(json_agg(json_build_array(topic, key, event_id) order by id),"
        " '[]') from outbox_archive"
    )
    keys: dict[tuple[str, str], list[str]] = defaultdict(list)
    for topic, key, event_id in rows:
        keys[topic, key].append(event_id)
    return dict(keys)


def _ends(consumer: Consumer) -> dict[tuple[str, int], int]:
    ends = {}
    for topic in TOPICS:
        for partition in (
            consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ):
            place = TopicPartition(topic, partition)
            low, high = consumer.get_watermark_offsets(place, timeout=10)
            assert low == 0, "the log lost its head"
            if high:
                ends[topic, partition] = high
    return ends


def _read_to(consumer: Consumer, ends: dict[tuple[str, int], int]) -> list[Record]:
    records: list[Record] = []
    left = dict(ends)
    while left:
        message = consumer.poll(10)
        assert message is not None, f"Kafka tells no more, {left} is missing"
        assert message.error() is None, message.error()
        topic, partition = message.topic() or "", message.partition() or 0
        headers = dict(message.headers() or [])
        records.append(
            Record(
                topic,
                partition,
                _text(message.key()),
                _text(headers.get("ce_id")),
                message.value() or b"",
            )
        )
        if (message.offset() or 0) + 1 >= ends[topic, partition]:
            left.pop((topic, partition), None)
    return records


def _text(said: str | bytes | None) -> str:
    return said.decode() if isinstance(said, bytes) else said or ""

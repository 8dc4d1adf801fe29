"""Reads the whole log of Kafka by assignment, and finds what writers wrote."""

import json
from collections.abc import Collection

from confluent_kafka import Consumer, TopicPartition

from opencore.events.billing.v1 import PaymentSucceeded
from tests.chaos.checker import Sighting
from tests.chaos.oracle import Write
from tests.failure_modes.log import Record, read_log
from tests.failure_modes.system import System

TOPIC = PaymentSucceeded.topic()


def sightings_of(system: System, keys: Collection[str]) -> list[Sighting]:
    """Return every record of these keys, from the first offset of each partition."""
    wanted = frozenset(keys)
    return [one for one in all_sightings(system) if one.write.key in wanted]


def all_sightings(system: System) -> list[Sighting]:
    """Return every record of the topic that writers write to, from the first offset."""
    return [_sighting(record) for record in read_log(system) if record.topic == TOPIC]


def pass_over(system: System, group: str) -> None:
    """Let a consumer group that has no members begin behind what is in the log."""
    consumer = Consumer(
        {
            "bootstrap.servers": system.environment["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": group,
        }
    )
    try:
        partitions = consumer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions
        ends = [
            TopicPartition(
                TOPIC,
                number,
                consumer.get_watermark_offsets(
                    TopicPartition(TOPIC, number), timeout=10
                )[1],
            )
            for number in partitions
        ]
        consumer.commit(offsets=ends, asynchronous=False)
    finally:
        consumer.close()


def _sighting(record: Record) -> Sighting:
    said = json.loads(record.payload)
    genuine = (said["id"], said["partitionkey"]) == (record.event_id, record.key)
    version = said["data"]["amount_minor"] if genuine else -1
    return Sighting(Write(record.event_id, record.key, version), record.partition)

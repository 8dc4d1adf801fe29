"""Whether the topics are there, and keep what they are given."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings

from opencore.events import TOPICS
from outbox.doctor.finding import Finding
from outbox.kafka.topics import KafkaUnreachable, TopicState, describe_topics

NAME = "topics"
# One broker may be away for an upgrade while another one dies.
ENOUGH_REPLICAS = 3
ENOUGH_IN_SYNC = 2


def check_topics() -> Iterator[Finding]:
    """Find topics that are missing, or that may lose or repeat what they were given."""
    try:
        states = describe_topics(TOPICS)
    except KafkaUnreachable as error:
        yield Finding(
            "fault",
            NAME,
            f"Kafka does not answer ({error}); events wait.",
            "See RUNBOOK, Kafka is down.",
        )
        return
    for topic in TOPICS:
        if topic not in states:
            yield Finding(
                "fault",
                NAME,
                f"The topic {topic} does not exist; its events wait.",
                "manage.py create_topics",
            )
        else:
            yield from _check_copies(topic, states[topic])
            yield from _check_shape(topic, states[topic])


def _check_copies(topic: str, state: TopicState) -> Iterator[Finding]:
    if state.unclean_election:
        yield Finding(
            "fault",
            NAME,
            f"{topic} may elect a leader that lacks acknowledged events.",
            f"Set unclean.leader.election.enable=false on {topic}.",
        )
    if state.replicas < min(ENOUGH_REPLICAS, settings.KAFKA_REPLICATION):
        yield Finding(
            "caution",
            NAME,
            f"{topic} has {state.replicas} replicas, not the"
            f" {settings.KAFKA_REPLICATION} of KAFKA_REPLICATION.",
            "Reassign its partitions to more brokers.",
        )
    if state.replicas >= ENOUGH_REPLICAS and state.min_insync < ENOUGH_IN_SYNC:
        yield Finding(
            "fault",
            NAME,
            f"{topic} acknowledges what one broker alone has.",
            f"Set min.insync.replicas={ENOUGH_IN_SYNC} on {topic}.",
        )


def _check_shape(topic: str, state: TopicState) -> Iterator[Finding]:
    if state.partitions < settings.KAFKA_PARTITIONS:
        yield Finding(
            "caution",
            NAME,
            f"{topic} has {state.partitions} partitions, not the"
            f" {settings.KAFKA_PARTITIONS} of KAFKA_PARTITIONS.",
            "Lower KAFKA_PARTITIONS: adding partitions would lose the order of keys.",
        )
    known = timedelta(days=settings.OUTBOX_INBOX_DAYS)
    if state.retention is None or state.retention > known:
        kept = "for ever" if state.retention is None else f"{state.retention.days} days"
        yield Finding(
            "caution",
            NAME,
            f"{topic} keeps events {kept}, the inbox remembers them"
            f" {settings.OUTBOX_INBOX_DAYS} days: one that is read again after that"
            " has its effect again.",
            "Raise OUTBOX_INBOX_DAYS, or lower the topic's retention.ms.",
        )

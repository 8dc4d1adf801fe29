"""Makes the topics of the catalogue, and tells how they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigEntry, ConfigResource
from confluent_kafka.admin._metadata import TopicMetadata
from confluent_kafka.cimpl import NewTopic
from django.conf import settings

from outbox.kafka.config import client_config


class KafkaUnreachable(RuntimeError):
    """Kafka did not answer in time."""


def missing_topics(topics: Sequence[str]) -> list[str]:
    """Return those of the topics that do not exist. Raises KafkaUnreachable."""
    try:
        existing = AdminClient(client_config()).list_topics(timeout=10).topics
    except KafkaException as error:
        raise KafkaUnreachable(str(error.args[0])) from error
    return [topic for topic in topics if topic not in existing]


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicState:
    """How a topic is kept; the retention is None where it has no end."""

    partitions: int
    replicas: int
    min_insync: int
    retention: timedelta | None
    unclean_election: bool


def describe_topics(topics: Sequence[str]) -> dict[str, TopicState]:
    """Return those of the topics that exist, and how. Raises KafkaUnreachable."""
    client = AdminClient(client_config())
    try:
        existing = client.list_topics(timeout=10).topics
        found = [topic for topic in topics if topic in existing]
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in found]
        futures = client.describe_configs(resources, request_timeout=10)
        configs = {
            resource.name: future.result(timeout=15)
            for resource, future in futures.items()
        }
    except KafkaException as error:
        raise KafkaUnreachable(str(error.args[0])) from error
    return {name: _state(existing[name], configs[name]) for name in found}


def _state(topic: TopicMetadata, config: Mapping[str, ConfigEntry]) -> TopicState:
    milliseconds = int(config["retention.ms"].value or -1)
    return TopicState(
        partitions=len(topic.partitions),
        replicas=min(len(place.replicas) for place in topic.partitions.values()),
        min_insync=int(config["min.insync.replicas"].value or 1),
        retention=timedelta(milliseconds=milliseconds) if milliseconds >= 0 else None,
        unclean_election=config["unclean.leader.election.enable"].value == "true",
    )


def create_topics(topics: Sequence[str]) -> None:
    """Create the topics; one that was created meanwhile is fine."""
    client = AdminClient(client_config())
    futures = client.create_topics(
        [
            NewTopic(
                topic,
                num_partitions=settings.KAFKA_PARTITIONS,
                replication_factor=settings.KAFKA_REPLICATION,
                config={
                    "min.insync.replicas": str(max(1, settings.KAFKA_REPLICATION - 1)),
                    "unclean.leader.election.enable": "false",
                },
            )
            for topic in topics
        ],
        operation_timeout=10,
    )
    for future in futures.values():
        try:
            future.result(timeout=15)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise KafkaUnreachable(str(error.args[0])) from error

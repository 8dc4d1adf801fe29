"""Makes the topics of the catalogue."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
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

"""Topics of a test's own in the real Kafka."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from time import monotonic
from uuid import uuid4

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from django.conf import settings

WITHIN = 15.0


@contextmanager
def scratch_topic(
    *, partitions: int, config: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Make a topic that the broker tells its clients of, and remove it afterwards."""
    topic = f"scratch.{uuid4().hex}"
    client = AdminClient(dict(settings.KAFKA))
    wanted = NewTopic(topic, num_partitions=partitions, config=dict(config or {}))
    client.create_topics([wanted])[topic].result(timeout=WITHIN)
    # The controller has it a moment before the broker has.
    give_up = monotonic() + WITHIN
    while client.list_topics(topic, timeout=WITHIN).topics[topic].error is not None:
        assert monotonic() < give_up
        Event().wait(0.02)
    yield topic
    client.delete_topics([topic])[topic].result(timeout=WITHIN)

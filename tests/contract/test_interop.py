"""Others read the topics: Kafka's own Java clients, and the SDK of CloudEvents."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID, uuid5

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import (
    KafkaMessage,
    from_kafka_event,
    from_structured_event,
)
from confluent_kafka import Consumer, Message, TopicPartition
from django.conf import settings
from django.db import transaction

from opencore.context import working_for
from opencore.events.user.v1 import UserCreated
from opencore.localservices.jars import have_jars
from opencore.localservices.kafka import FLAGS, java_binary
from opencore.localservices.places import Places
from outbox.connecting import open_connection
from outbox.kafka.observer import Observer
from outbox.kafka.publisher import KafkaPublisher
from outbox.kafka.topics import create_topics
from outbox.models import OutboxEvent
from outbox.publishing import emit
from outbox.relay import Relay, Tally
from tests.contract.test_publisher_contract import Letter
from tests.contract.topics import scratch_topic
from tests.outbox.events import PEOPLE, person
from tests.services import ROOT

TOPIC = "opencore.user.v1"
EMAIL = "ada.lovelace+ünïcode@example.com"
CONSUMER = "org.apache.kafka.tools.consumer.ConsoleConsumer"
PRODUCER = "org.apache.kafka.tools.ConsoleProducer"
# Neither a power of two nor the default, so that no two ways to hash agree by chance.
PARTITIONS = 7
# Ids as they are, and keys of each length modulo four, with bytes above 127.
KEYS = [
    *[str(uuid5(PEOPLE, str(number))) for number in range(60)],
    *["a", "ab", "abc", "abcd", "abcde", "ä", "äö", "äöü", "€uro", "ключ", "鍵", "🔑"],
]


@dataclass(frozen=True)
class Delivered:
    """An event that a relay delivered: as it was stored, and as Kafka has it."""

    event_id: UUID
    stored: bytes
    message: Message

    @property
    def headers(self) -> dict[str, bytes]:
        return dict(cast("list[tuple[str, bytes]]", self.message.headers()))

    @property
    def event(self) -> BaseCloudEvent:
        key, value = self.message.key() or b"", self.message.value() or b""
        return from_structured_event(KafkaMessage(self.headers, key, value))


@pytest.fixture
def delivered(transactional_db: None) -> Iterator[Delivered]:
    create_topics([TOPIC])
    observer, publisher = Observer([TOPIC]), KafkaPublisher()
    with working_for(request_id="request-1"), transaction.atomic():
        event_id = emit(UserCreated(user_id=person("ada"), email=EMAIL))
    stored = bytes(OutboxEvent.objects.get().payload)
    with open_connection(application_name="test-relay") as own:
        relay = Relay(connection=own, publisher=publisher, name="interop")
        relay.take_lanes()
        assert relay.relay_batch() == Tally(sent=1)
        relay.give_back_lanes()
    seen = observer.find(event_id, seconds=30)
    assert seen is not None
    (message,) = read(TOPIC, seen.partition, seen.offset, seen.offset + 1)
    yield Delivered(event_id, stored, message)
    observer.close()
    publisher.close()


@pytest.fixture
def scratch() -> Iterator[str]:
    with scratch_topic(partitions=PARTITIONS) as topic:
        yield topic


def test_kafkas_own_console_consumer_reads_an_event(delivered: Delivered) -> None:
    printed = java(
        *(CONSUMER, "--topic", TOPIC, "--max-messages", "1"),
        *("--partition", str(delivered.message.partition())),
        *("--offset", str(delivered.message.offset())),
        *("--formatter-property", "print.headers=true"),
        *("--formatter-property", "print.key=true"),
    )

    headers, key, value = printed.removesuffix(b"\n").split(b"\t")
    assert dict(pair.split(b":", 1) for pair in headers.split(b",")) == {
        name.encode(): content for name, content in delivered.headers.items()
    }
    assert key.decode() == str(person("ada"))
    assert value == delivered.stored


def test_the_sdk_of_cloudevents_reads_an_event(delivered: Delivered) -> None:
    event = delivered.event

    assert (event.get_id(), event.get_type(), event.get_source()) == (
        str(delivered.event_id),
        "opencore.user.v1.user-created",
        "https://opencore.invalid/user",
    )
    assert event.get_subject() == f"user/{person('ada')}"
    assert event.get_extension("correlationid") == "request-1"
    assert event.get_data() == {"user_id": str(person("ada")), "email": EMAIL}


def test_the_sdk_takes_the_value_for_the_data_if_it_is_left_to_guess(
    delivered: Delivered,
) -> None:
    key, value = delivered.message.key() or b"", delivered.message.value() or b""

    guessed = from_kafka_event(KafkaMessage(delivered.headers, key, value))

    assert guessed.get_id() == str(delivered.event_id)
    assert guessed.get_data() == json.loads(value)


def test_headers_say_what_the_value_says(delivered: Delivered) -> None:
    value = json.loads(delivered.stored)

    headers = {name: content.decode() for name, content in delivered.headers.items()}

    del value["data"], value["datacontenttype"]
    assert headers == {
        "content-type": "application/cloudevents+json; charset=UTF-8",
        **{f"ce_{name}": said for name, said in value.items()},
    }


def test_a_key_lands_on_the_partition_that_the_java_client_computes(
    scratch: str,
) -> None:
    publisher = KafkaPublisher()
    ours = [Letter(scratch, key, b"ours") for key in KEYS]

    outcomes = publisher.send(ours).wait(while_waiting=lambda: True)
    java(
        *(PRODUCER, "--topic", scratch),
        *("--reader-property", "parse.key=true"),
        *("--reader-property", "key.separator=="),
        lines=[f"{key}=java" for key in KEYS],
    )

    publisher.close()
    placed = places(scratch, count=2 * len(KEYS))
    assert outcomes == [None] * len(KEYS)
    assert placed[b"ours"] == placed[b"java"]
    assert set(placed[b"ours"]) == set(KEYS)
    assert set(placed[b"ours"].values()) == set(range(PARTITIONS))


def java(tool: str, *arguments: str, lines: Sequence[str] = ()) -> bytes:
    """Run one of Kafka's own tools against the tests' Kafka; return what it prints."""
    jars = have_jars(Places(ROOT, "test").jars, say=lambda _line: None)
    done = subprocess.run(
        [
            *(
                java_binary(),
                *FLAGS,
                "-Dfile.encoding=UTF-8",
                "-Dstdout.encoding=UTF-8",
            ),
            *("-cp", os.pathsep.join(str(jar) for jar in jars), tool),
            *("--bootstrap-server", settings.KAFKA["bootstrap.servers"], *arguments),
        ],
        input="".join(f"{line}\n" for line in lines).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def places(topic: str, *, count: int) -> dict[bytes, dict[str, int]]:
    """Return by value, and by key, on which partition it lies."""
    found: dict[bytes, dict[str, int]] = {}
    for partition in range(PARTITIONS):
        for message in read(topic, partition):
            keys = found.setdefault(message.value() or b"", {})
            keys[(message.key() or b"").decode()] = partition
    assert sum(len(keys) for keys in found.values()) == count
    return found


def read(
    topic: str, partition: int, start: int = 0, end: int | None = None
) -> list[Message]:
    """Read a partition from an offset to its end, or to another offset."""
    consumer = Consumer({**settings.KAFKA, "group.id": "observer"})
    try:
        place = TopicPartition(topic, partition, start)
        _, high = consumer.get_watermark_offsets(place, timeout=15)
        consumer.assign([place])
        found: list[Message] = []
        while len(found) < (end or high) - start:
            message = consumer.poll(15)
            assert message is not None
            assert message.error() is None
            found.append(message)
        return found
    finally:
        consumer.close()

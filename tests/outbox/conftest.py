"""The world of the outbox's tests: a relay over its own connection, and a spy."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from outbox.connecting import open_connection
from outbox.relay import Relay
from tests.outbox.fakes import KafkaSpy

Relays = Callable[..., Relay]


@pytest.fixture
def kafka() -> KafkaSpy:
    return KafkaSpy()


@pytest.fixture
def connect(
    transactional_db: None,
) -> Iterator[Callable[[], "psycopg.Connection[Any]"]]:
    opened: list[psycopg.Connection[Any]] = []

    def connect() -> "psycopg.Connection[Any]":
        opened.append(open_connection(application_name="test-relay"))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def new_relay(
    connect: Callable[[], "psycopg.Connection[Any]"], kafka: KafkaSpy
) -> Relays:
    """Return a maker of relays that already tried to take their lanes."""

    def new_relay(name: str = "relay-a", publisher: KafkaSpy = kafka) -> Relay:
        relay = Relay(connection=connect(), publisher=publisher, name=name)
        relay.take_lanes()
        return relay

    return new_relay

"""The world of the outbox's tests: a relay over its own connection, and a spy."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from opencore.events.user.v1 import SessionRevoked, UserCreated
from outbox import consuming
from outbox.connecting import open_connection
from outbox.consumer import Consumer
from outbox.relay import Relay
from outbox.replay import pace
from outbox.running import Stop
from tests.outbox.clusters import Cluster
from tests.outbox.fakes import KafkaSpy, LogSpy
from tests.outbox.handlers import Handlers, handled_by

Relays = Callable[..., Relay]
Together = Callable[[int], None]


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


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Together:
    """Return a switch for how many letters a replay takes at once."""

    def take(letters: int) -> None:
        monkeypatch.setattr(pace, "MOST", letters)
        monkeypatch.setattr(pace, "FIRST", letters)

    return take


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    handlers = Handlers()
    monkeypatch.setitem(
        consuming._handlings,
        "tests",
        handled_by(
            {
                UserCreated.type: handlers.on_user,
                SessionRevoked.type: handlers.on_session,
            }
        ),
    )
    return handlers


@pytest.fixture
def log() -> LogSpy:
    return LogSpy()


@pytest.fixture
def consumer(handlers: Handlers, log: LogSpy) -> Consumer:
    return Consumer(consumer="tests", source=log, stop=Stop(), worker="tests")


@pytest.fixture(scope="session")
def second_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Return a PostgreSQL beside that of the tests, which has seen nothing of it."""
    cluster = Cluster(tmp_path_factory.mktemp("second"))
    yield cluster
    cluster.stop()

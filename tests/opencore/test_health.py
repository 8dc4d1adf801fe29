"""Whether the process lives, has started, and can serve: what each probe hears."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from psycopg import OperationalError
from pytest_django import Settings

from opencore import health
from opencore.draining import start_draining, stop_draining
from opencore.health import Probe
from tests.gateway_proxy.redis_server import RedisServer
from tests.opencore.conftest import DatabaseAt, current_pool
from tests.opencore.tcp_line import TcpLine
from tests.ports import free_port

PATIENCE = 5.0
transactional = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _ask_anew() -> None:
    """Let no test hear what another one's probe was told."""
    for probe in (health.probes.database, health.probes.redis, health.probes.kafka):
        probe.forget()


@pytest.fixture
def no_database(database_at: DatabaseAt) -> None:
    database_at(HOST="127.0.0.1", PORT=str(free_port()))


def ask(path: str) -> tuple[int, object]:
    response = Client().get(path)
    return response.status_code, json.loads(response.content)


def assert_not_ready(path: str, reason: str, code: str = "not_ready") -> None:
    response = Client().get(path)
    problem = json.loads(response.content)
    assert (response.status_code, problem["code"]) == (503, code)
    assert problem["reason"] == reason
    assert problem["retryable"] == "yes"
    assert response["Content-Type"] == "application/problem+json"
    assert response["Retry-After"] == "1"


@transactional
def test_a_live_process_says_so_whatever_is_down(
    settings: Settings, no_database: None
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"

    assert ask("/livez") == (200, {"status": "alive"})


@transactional
def test_is_ready_with_everything_up() -> None:
    assert ask("/readyz") == (200, {"status": "ready"})


@transactional
def test_is_ready_without_redis(settings: Settings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"

    checks = {"redis": "down", "kafka": "up"}
    assert ask("/readyz") == (200, {"status": "degraded", "checks": checks})


@transactional
def test_is_ready_while_redis_hangs(settings: Settings, tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    settings.REDIS_URL = server.url
    server.hang()

    began = monotonic()
    answer = ask("/readyz")
    took = monotonic() - began
    server.kill()

    checks = {"redis": "down", "kafka": "up"}
    assert answer == (200, {"status": "degraded", "checks": checks})
    assert took < 1.0


@transactional
@pytest.mark.parametrize(
    "servers", ["127.0.0.1:{port}", "", "kafka.invalid", "kafka:port"]
)
def test_is_ready_without_kafka(settings: Settings, servers: str) -> None:
    settings.KAFKA = {"bootstrap.servers": servers.format(port=free_port())}

    checks = {"redis": "up", "kafka": "down"}
    assert ask("/readyz") == (200, {"status": "degraded", "checks": checks})


@transactional
def test_is_ready_where_no_redis_is_named(settings: Settings) -> None:
    settings.REDIS_URL = ""

    checks = {"redis": "down", "kafka": "up"}
    assert ask("/readyz") == (200, {"status": "degraded", "checks": checks})


@transactional
def test_one_broker_of_several_is_enough(settings: Settings) -> None:
    living = settings.KAFKA["bootstrap.servers"]
    settings.KAFKA = {"bootstrap.servers": f"127.0.0.1:{free_port()}, {living}"}

    assert ask("/readyz") == (200, {"status": "ready"})


@transactional
def test_is_not_ready_without_the_database(no_database: None) -> None:
    assert_not_ready("/readyz", "database")


@transactional
def test_is_ready_again_when_the_database_is_back(database_at: DatabaseAt) -> None:
    database_at(HOST="127.0.0.1", PORT=str(free_port()))
    assert_not_ready("/readyz", "database")

    database_at()
    health.probes.database.forget()

    assert ask("/readyz") == (200, {"status": "ready"})


@transactional
def test_a_database_that_hangs_is_no_answer_within_its_deadline(line: TcpLine) -> None:
    line.go_silent()

    began = monotonic()
    assert_not_ready("/readyz", "database")
    took = monotonic() - began

    assert took < 1.5


@transactional
def test_is_not_ready_when_requests_starve_for_connections(
    database_at: DatabaseAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    database_at(pool={"max_size": 1, "timeout": 0.1})
    connection.ensure_connection()
    connection.close()
    with current_pool().connection():
        with pytest.raises(OperationalError):
            current_pool().getconn()
        assert ask("/readyz") == (200, {"status": "ready"})

        monkeypatch.setattr(health, "LONGEST_STARVATION", 0.0)
        assert_not_ready("/readyz", "saturated")

    assert ask("/readyz") == (200, {"status": "ready"})


@pytest.fixture
def draining() -> Iterator[None]:
    start_draining()
    yield
    stop_draining()


@transactional
def test_is_not_ready_while_it_drains(draining: None) -> None:
    assert_not_ready("/readyz", "draining", "draining")
    assert ask("/livez") == (200, {"status": "alive"})


@transactional
def test_is_ready_if_the_stop_was_taken_back(draining: None) -> None:
    stop_draining()

    assert ask("/readyz") == (200, {"status": "ready"})


@transactional
def test_has_started_with_keys_and_tables() -> None:
    assert ask("/startupz") == (200, {"status": "started"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SIGNING_KEY", ""),
        ("JWT_REFRESH_SIGNING_KEY", ""),
        ("SEALING_KEYS", []),
        ("SEALING_KEYS", ["no key"]),
    ],
)
def test_has_not_started_without_keys(
    settings: Settings, name: str, value: object
) -> None:
    setattr(settings, name, value)

    assert_not_ready("/startupz", "keys")


@transactional
def test_has_not_started_without_the_database(no_database: None) -> None:
    assert_not_ready("/startupz", "database")


@pytest.mark.django_db
def test_has_not_started_without_all_tables() -> None:
    MigrationRecorder.Migration.objects.filter(app="opencore").delete()

    assert_not_ready("/startupz", "migrations")


def test_a_probe_asks_once_a_second_at_most() -> None:
    asked = []
    probe = Probe(lambda: asked.append("up"), deadline=PATIENCE)

    assert [probe.answers() for _ in range(5)] == [True] * 5
    assert asked == ["up"]
    probe.forget()
    assert probe.answers()
    assert asked == ["up", "up"]


def test_a_probe_keeps_a_no_as_long_as_a_yes() -> None:
    asked = []

    def ask() -> None:
        asked.append("down")
        raise OSError

    probe = Probe(ask, deadline=PATIENCE)

    assert [probe.answers() for _ in range(5)] == [False] * 5
    assert asked == ["down"]


def test_a_question_that_hangs_is_a_no_and_is_not_asked_twice() -> None:
    asked = []
    go_on = Event()

    def ask() -> None:
        asked.append("hangs")
        go_on.wait(PATIENCE)

    probe = Probe(ask, deadline=0.01)
    first = probe.answers()
    probe.forget()
    second = probe.answers()
    go_on.set()

    assert (first, second) == (False, False)
    assert asked == ["hangs"]


def test_an_answer_that_came_too_late_is_not_taken_for_a_new_one() -> None:
    answers: list[Event] = []
    late, ended = Event(), Event()

    def ask() -> None:
        if answers:
            raise OSError
        answers.append(late)
        late.wait(PATIENCE)
        ended.set()

    probe = Probe(ask, deadline=0.5)
    assert not probe.answers()
    late.set()
    assert ended.wait(PATIENCE)
    probe.forget()

    assert not probe.answers()


def test_many_who_ask_at_once_ask_one_question() -> None:
    asked = []
    probe = Probe(lambda: asked.append("up"), deadline=PATIENCE)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: probe.answers(), range(8)))

    assert answers == [True] * 8
    assert asked == ["up"]

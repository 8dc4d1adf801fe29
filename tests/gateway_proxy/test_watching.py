"""Every process runs the published table, whatever is away when it starts."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from time import monotonic

import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo
from pytest_django import Settings

from gateway_proxy import watching
from gateway_proxy.board import Board
from gateway_proxy.defaults import default_table
from gateway_proxy.keeping import TableFile
from gateway_proxy.models import TableVersion
from gateway_proxy.selectors import Published
from gateway_proxy.services import hang_latest
from gateway_proxy.watching import Watcher, current_table, sources_of_settings
from tests.gateway_proxy.publishing import COST_FIVE, WHY, publish
from tests.gateway_proxy.redis_server import RedisServer
from tests.ports import free_port

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
COST_NINE = {"routes": {"/billing": {"cost": 9}}}
COST_OF_ALL = {"routes": {"/billing": {"cost": 10_000}}}


@pytest.fixture
def table_file(tmp_path: Path, settings: Settings) -> Path:
    path = tmp_path / "kept" / "table.json"
    settings.GATEWAY_TABLE_FILE = path
    return path


@pytest.fixture
def redis(settings: Settings, redis_server: RedisServer) -> RedisServer:
    settings.REDIS_URL = redis_server.url
    return redis_server


@pytest.fixture
def watcher(table_file: Path, redis: RedisServer) -> Iterator[Watcher]:
    """One that looks more often than in life."""
    watcher = Watcher(sources_of_settings, pause=0.01)
    yield watcher
    watcher.stop()


@pytest.fixture
def no_redis(settings: Settings, redis: RedisServer) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what takes PostgreSQL away from whoever connects anew."""

    def take_away() -> None:
        monkeypatch.setitem(connection.settings_dict, "PORT", str(free_port()))

    return take_away


def wait_until(ready: Callable[[], bool]) -> None:
    give_up = monotonic() + PATIENCE
    while not ready():
        assert monotonic() < give_up
        Event().wait(0.01)


def cost_of_billing(watcher: Watcher) -> int:
    assert watcher.table is not None
    route = watcher.table.find("/billing")
    assert route is not None
    return route.cost


def hang(version: int, changes: object) -> None:
    """Let anything hang in Redis, as if it had been published."""
    with Board.of_settings() as board:
        board.hang(Published(version, changes))  # type: ignore[arg-type]  # -- on purpose


def sources_said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        vars(record)["source"]
        for record in caplog.records
        if record.message == "route table loaded"
    ]


@contextmanager
def two_processes(redis: RedisServer, table_file: Path) -> Iterator["Queue[str]"]:
    params = connection.get_connection_params()
    names = ("dbname", "user", "password", "host", "port")
    place = {name: params[name] for name in names if params.get(name)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.gateway_proxy.table_processes"],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": make_conninfo(**place),
            "REDIS_URL": redis.url,
            "GATEWAY_TABLE_FILE": str(table_file),
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines: Queue[str] = Queue()
    reader = Thread(target=lambda out: [*map(lines.put, out)], args=(process.stdout,))
    reader.start()
    try:
        yield lines
    finally:
        process.communicate(timeout=PATIENCE)
        reader.join()


def two_of(lines: "Queue[str]") -> set[str]:
    return {lines.get(timeout=PATIENCE).strip() for _ in range(2)}


def test_two_processes_swap_the_table_without_a_restart(
    redis: RedisServer, table_file: Path
) -> None:
    with two_processes(redis, table_file) as lines:
        assert two_of(lines) == {"first 0", "second 0"}

        publish(COST_FIVE)
        assert two_of(lines) == {"first 1", "second 1"}

        with Board.of_settings() as board:
            wait_until(lambda: [one.version for one in board.seen()] == [1, 1])


def test_a_process_begins_with_what_hangs_in_redis(
    watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    publish(COST_FIVE)

    watcher.begin()

    assert cost_of_billing(watcher) == 5
    assert sources_said(caplog) == ["redis"]


def test_a_process_begins_with_what_postgresql_has_if_redis_was_emptied(
    watcher: Watcher, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    publish(COST_FIVE)
    with redis.client() as client:
        client.flushall()

    watcher.begin()

    assert cost_of_billing(watcher) == 5
    assert sources_said(caplog) == ["postgresql"]


def test_a_process_begins_with_what_was_kept_if_nobody_answers(
    table_file: Path,
    no_redis: None,
    no_database: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    TableFile(table_file).write(Published(4, COST_FIVE))
    no_database()
    watcher = Watcher(sources_of_settings)

    watcher.begin()
    watcher_cost, version = cost_of_billing(watcher), watcher.begin().version
    watcher.stop()

    assert (watcher_cost, version) == (5, 4)
    assert sources_said(caplog) == ["disk"]


def test_a_process_keeps_on_disk_what_it_got(
    watcher: Watcher, table_file: Path
) -> None:
    publish(COST_FIVE)

    watcher.begin()

    assert TableFile(table_file).read() == Published(1, COST_FIVE)
    assert [path.name for path in table_file.parent.iterdir()] == ["table.json"]
    assert table_file.stat().st_mode & 0o077 == 0


def test_a_process_begins_with_the_settings_if_nothing_was_ever_published(
    watcher: Watcher, table_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    TableFile(table_file).write(Published(4, COST_FIVE))

    watcher.begin()

    assert (cost_of_billing(watcher), watcher.begin().version) == (1, 0)
    assert sources_said(caplog) == ["settings"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace("5", "6"),
        lambda _text: "[]",
        lambda _text: "",
    ],
    ids=["cut off", "edited", "another shape", "empty"],
)
def test_a_file_that_was_damaged_is_not_believed(
    table_file: Path,
    no_redis: None,
    no_database: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[str], str],
) -> None:
    TableFile(table_file).write(Published(4, COST_FIVE))
    table_file.write_text(damage(table_file.read_text()))

    with sources_of_settings() as sources:
        table = sources.without_asking()

    assert table.version == 0
    assert "route table refused" in caplog.messages


def test_a_file_of_another_deployment_is_not_believed(
    table_file: Path, settings: Settings, redis: RedisServer
) -> None:
    TableFile(table_file).write(Published(4, COST_FIVE))
    settings.SECRET_KEY = "another-" * 10

    with sources_of_settings() as sources:
        assert sources.without_asking().version == 0


def test_a_published_table_comes_without_a_restart(watcher: Watcher) -> None:
    watcher.begin()

    publish(COST_FIVE)

    wait_until(lambda: cost_of_billing(watcher) == 5)


def test_a_table_that_is_not_acceptable_is_refused_once(
    watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    publish(COST_FIVE)
    watcher.begin()
    looks = Event()

    hang(2, COST_OF_ALL)
    wait_until(lambda: "route table refused" in caplog.messages)
    watcher.watch(looks.set)
    assert looks.wait(PATIENCE)

    assert (cost_of_billing(watcher), watcher.begin().version) == (5, 1)
    assert caplog.messages.count("route table refused") == 1


@pytest.mark.parametrize("changes", [[], "nonsense", {"rutes": {}}])
def test_what_is_no_table_is_refused(
    watcher: Watcher, caplog: pytest.LogCaptureFixture, changes: object
) -> None:
    watcher.begin()

    hang(2, changes)

    wait_until(lambda: "route table refused" in caplog.messages)
    assert watcher.begin().version == 0


@pytest.mark.parametrize(
    ("version", "changes"),
    [(1, '{"routes": {"/billing": {"upstreams": ["http://mallory"]}}}'), (2, "{}")],
    ids=["other changes", "another version"],
)
def test_what_somebody_else_put_into_redis_is_not_believed(
    watcher: Watcher,
    redis: RedisServer,
    caplog: pytest.LogCaptureFixture,
    version: int,
    changes: str,
) -> None:
    hang(1, {})
    with redis.client() as client:
        client.hset("gateway:table", mapping={"version": version, "changes": changes})

    table = watcher.begin()

    assert (table.version, table.routes) == (0, default_table().routes)
    assert "route table refused" in caplog.messages


def test_an_emptied_redis_takes_no_table_away(
    watcher: Watcher, redis: RedisServer
) -> None:
    publish(COST_FIVE)
    watcher.begin()

    with redis.client() as client:
        client.flushall()
        wait_until(lambda: bool(client.keys("gateway:seen:*")))
    assert cost_of_billing(watcher) == 5

    hang_latest()
    publish(COST_NINE)
    wait_until(lambda: cost_of_billing(watcher) == 9)


def test_a_redis_that_forgot_its_last_second_takes_no_table_away(
    watcher: Watcher,
) -> None:
    publish(COST_FIVE)
    publish(COST_NINE)
    watcher.begin()
    looks = Event()

    hang(1, COST_FIVE)
    watcher.watch(looks.set)
    looks.wait(PATIENCE)
    looks.clear()
    looks.wait(PATIENCE)

    assert cost_of_billing(watcher) == 9


def test_a_database_that_was_restored_takes_the_table_back(watcher: Watcher) -> None:
    TableVersion.objects.create(version=7, changes=COST_NINE, actor="grace", reason=WHY)
    hang(9, COST_FIVE)
    watcher.begin()
    assert cost_of_billing(watcher) == 5

    hang_latest()

    wait_until(lambda: cost_of_billing(watcher) == 9)


def test_a_redis_that_goes_and_comes_back_is_said_once_each(
    table_file: Path,
    settings: Settings,
    mortal_redis: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    settings.REDIS_URL = mortal_redis.url
    # Slow is not away.
    settings.REDIS_TIMEOUT = 5
    watcher = Watcher(sources_of_settings, pause=0.01)
    publish(COST_FIVE)
    watcher.begin()
    away = "redis is away; the route table stays"
    again = "redis answers again; the route table is looked after"

    mortal_redis.kill()
    wait_until(lambda: away in caplog.messages)
    wait_until(lambda: watcher.stale_seconds() > 0.0)
    kept = cost_of_billing(watcher)
    mortal_redis.start()
    wait_until(lambda: again in caplog.messages)
    publish(COST_NINE)
    wait_until(lambda: cost_of_billing(watcher) == 9)
    stale = watcher.stale_seconds()
    watcher.stop()

    assert (kept, stale) == (5, 0.0)
    assert (caplog.messages.count(away), caplog.messages.count(again)) == (1, 1)


def test_a_hung_redis_and_a_hung_start_keep_no_request_waiting_for_ever(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = Event()
    monkeypatch.setattr(watching, "PATIENCE", 0.05)
    monkeypatch.setattr(
        "gateway_proxy.sources.latest_published_apart",
        lambda **_: released.wait(PATIENCE) and Published(3, COST_FIVE),
    )

    first = watcher.begin().version
    released.set()

    assert first == 0
    wait_until(lambda: watcher.begin().version == 3)


def test_callbacks_are_called_again_and_again_whatever_one_of_them_does(
    watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    calls: Queue[str] = Queue()

    def fail() -> None:
        raise ZeroDivisionError

    watcher.watch(fail)
    watcher.watch(lambda: calls.put("called"))
    watcher.begin()

    assert [calls.get(timeout=PATIENCE) for _ in range(2)] == ["called", "called"]
    assert "gateway's watcher failed, and goes on" in caplog.messages


def test_a_process_says_which_version_it_runs(watcher: Watcher) -> None:
    publish(COST_FIVE)
    watcher.begin()

    with Board.of_settings() as board:
        wait_until(lambda: bool(board.seen()))
        (sighting,) = board.seen()

    assert sighting.version == 1
    assert sighting.process.endswith(f":{os.getpid()}")


def test_the_table_of_this_process_is_begun_by_the_first_who_asks(
    redis: RedisServer, table_file: Path
) -> None:
    watching.begin_anew()
    publish(COST_FIVE)

    table = current_table()
    same = current_table()
    watching.begin_anew()

    assert table.version == 1
    assert same is table

"""Redis is killed, hung and restarted while the gateway is under load: nobody notices."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from uuid import uuid4

import pytest

from opencore.localservices.places import answers
from opencore.localservices.process import Child
from tests.gateway_proxy.conftest import bearer_of
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.service import serving
from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0
CLIENTS = 4
# Answers that prove that the gateway goes on.
SOME = 40

# Each kind of front, and how Gunicorn serves it.
FRONTS = {
    "threads": ("tests.gateway_proxy.wsgi", "--threads", "8"),
    "event loop": ("tests.gateway_proxy.asgi", "--worker-class", "asgi"),
}


@dataclass
class Load:
    """Clients that ask one after another, each a person of their own."""

    port: int
    statuses: list[int | str] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def ask_until_it_is_over(self) -> None:
        """Be one client."""
        headers = bearer_of(uuid4())
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        while not self.over.is_set():
            try:
                connection.request("GET", "/billing", headers=headers)
                answer = connection.getresponse()
                answer.read()
            except (OSError, HTTPException) as error:
                self.statuses.append(repr(error))
                connection.close()
            else:
                self.statuses.append(answer.status)
        connection.close()

    def go_on(self) -> None:
        """Wait until more requests have been answered."""
        enough = len(self.statuses) + SOME
        wait_until(lambda: len(self.statuses) >= enough)


@contextmanager
def load_on(port: int) -> Iterator[Load]:
    """Keep a gateway busy, and begin when all clients were answered."""
    load = Load(port)
    clients = [Thread(target=load.ask_until_it_is_over) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        load.go_on()
        yield load
    finally:
        load.over.set()
        for client in clients:
            client.join(PATIENCE)


@dataclass(frozen=True)
class World:
    """A gateway's port, and its Redis."""

    port: int
    redis: RedisServer

    def is_counted_in_redis(self) -> bool:
        """Tell whether Redis has any bucket."""
        with self.redis.client() as client:
            return bool(client.keys("*bucket:*"))

    def forget_buckets(self) -> None:
        """Empty Redis."""
        with self.redis.client() as client:
            client.flushall()


@pytest.fixture(scope="module", params=list(FRONTS))
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("under-load")
    redis = RedisServer(folder)
    port = free_port()
    with serving(free_port()) as service:
        environment = {
            "REDIS_URL": redis.url,
            "GATEWAY_UPSTREAMS": f"billing={service.url}",
            "GATEWAY_RATE": "100000",
            "GATEWAY_BURST": "100000",
        }
        gateway = gunicorn(FRONTS[request.param], port, environment, folder)
        yield World(port, redis)
        gateway.stop()
    redis.kill()


def gunicorn(
    front: Sequence[str], port: int, environment: dict[str, str], folder: Path
) -> Child:
    """Start a gateway and wait until it can be asked."""
    command = [sys.executable, "-m", "gunicorn", *front]
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--log-level", "error"]
    child = Child(
        "gateway",
        [*command, *options, "--no-control-socket"],
        log=folder / "gateway.log",
        env={**os.environ, **environment},
        cwd=ROOT,
    )
    child.wait_until(lambda: answers(port), seconds=PATIENCE)
    return child


def kill_and_start(world: World, load: Load) -> None:
    world.redis.kill()
    load.go_on()
    world.redis.start()


def restart_at_once(world: World, load: Load) -> None:
    world.redis.kill()
    world.redis.start()


def hang_and_wake(world: World, load: Load) -> None:
    world.redis.hang()
    load.go_on()
    world.redis.wake()
    world.forget_buckets()


@pytest.mark.parametrize("fail", [kill_and_start, restart_at_once, hang_and_wake])
def test_every_request_is_answered_and_redis_counts_again(
    world: World, fail: Callable[[World, Load], None]
) -> None:
    with load_on(world.port) as load:
        assert world.is_counted_in_redis()

        fail(world, load)

        wait_until(world.is_counted_in_redis)
        load.go_on()

    assert set(load.statuses) == {200}


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for something that others will do."""
    deadline = monotonic() + PATIENCE
    while not happened():
        assert monotonic() < deadline
        Event().wait(0.02)

"""The gateway is replaced under a crowd that posts and never tries again."""

import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException
from itertools import cycle
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic
from uuid import uuid4

import psutil
import pytest

from tests.gateway_proxy.conftest import bearer_of
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.servers import gunicorn, running
from tests.gateway_proxy.service import Handler, Service, serving
from tests.ports import free_port

CLIENTS = 24
SERVICE_TIME, PAUSE = 0.02, 0.05
BURST = 1_000_000
PATIENCE = 60.0
LOST = 0
REMAINING = re.compile(r'"user";r=(\d+)')


class Crowd:
    """Clients of one person that keep their connections and post on and on."""

    def __init__(self, choose: Callable[[], int]) -> None:
        self._choose = choose
        self._headers = bearer_of(uuid4())
        self._over = Event()
        self._lock = Lock()
        self.statuses: Counter[int] = Counter()
        self.remaining: set[int] = set()

    def until(self, done: Callable[[], None]) -> None:
        """Post until something is done."""
        with ThreadPoolExecutor(CLIENTS) as threads:
            posting = [threads.submit(self._post_on) for _ in range(CLIENTS)]
            try:
                done()
            finally:
                self._over.set()
        for one in posting:
            one.result()

    def _post_on(self) -> None:
        line = HTTPConnection("127.0.0.1", timeout=PATIENCE)
        while not self._over.is_set():
            if line.sock is None:
                line.port = self._choose()
            status, limit = self._post(line)
            self._over.wait(PAUSE)
            with self._lock:
                self.statuses[status] += 1
                self.remaining.update(int(left) for left in REMAINING.findall(limit))
        line.close()

    def _post(self, line: HTTPConnection) -> tuple[int, str]:
        try:
            line.request("POST", "/billing/payments", b"{}", self._headers)
            answer = line.getresponse()
            answer.read()
        except (OSError, HTTPException):
            line.close()
            return LOST, ""
        return answer.status, answer.headers.get("RateLimit", "")


class Gateway:
    """Gunicorn's parent process and the worker that serves."""

    def __init__(self, pid: int, port: int) -> None:
        self.port = port
        self._parent = psutil.Process(pid)

    def reload_ten_times(self) -> None:
        """Have the worker replaced ten times, one after the other."""
        for _ in range(10):
            self.reload()

    def reload(self) -> None:
        """Have the worker replaced, and wait until only the new one is there."""
        before = self._workers()
        os.kill(self._parent.pid, signal.SIGHUP)
        deadline = monotonic() + PATIENCE
        while len(now := self._workers()) != 1 or now & before:
            assert monotonic() < deadline, "the old worker does not go"
            Event().wait(0.05)

    def _workers(self) -> set[int]:
        return {child.pid for child in self._parent.children()}


class Pair:
    """Two gateways, and who may be asked: those that are ready, in turn."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._stacks = {free_port(): ExitStack() for _ in range(2)}
        self._turns = cycle(self._stacks)
        self._ready: frozenset[int] = frozenset()
        self._over = Event()
        self._watching = Thread(target=self._watch)

    def __enter__(self) -> "Pair":
        for port, stack in self._stacks.items():
            stack.enter_context(running(gunicorn, port, self._environment))
        self._watching.start()
        self._until_both_are_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watching.join()
        for stack in self._stacks.values():
            stack.close()

    def choose(self) -> int:
        """Return the port of one that is ready."""
        return next(port for port in self._turns if port in self._ready)

    def restart_in_turn(self) -> None:
        """Stop each and start it again, while the other serves."""
        for port, stack in self._stacks.items():
            stack.close()
            stack.enter_context(running(gunicorn, port, self._environment))
            self._until_both_are_ready()

    def _until_both_are_ready(self) -> None:
        deadline = monotonic() + PATIENCE
        while len(self._ready) < 2:
            assert monotonic() < deadline, "they are not ready"
            Event().wait(0.05)

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self._ready = frozenset(port for port in self._stacks if is_ready(port))


def is_ready(port: int) -> bool:
    """Ask as a balancer does."""
    line = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        line.request("GET", "/readyz")
        return line.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        line.close()


def take_a_moment(handler: Handler) -> None:
    """Answer after a while."""
    Event().wait(SERVICE_TIME)
    handler.begin(2)
    handler.wfile.write(b"{}")


@pytest.fixture
def service() -> Iterator[Service]:
    """A service behind the gateway."""
    with serving(free_port()) as service:
        yield service


@pytest.fixture
def environment(service: Service, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What gateways are told that share a Redis and whose buckets hardly fill again."""
    redis = RedisServer(tmp_path)
    yield {
        "REDIS_URL": redis.url,
        "REDIS_TIMEOUT": "5",
        "GATEWAY_UPSTREAMS": f"billing={service.url}",
        "GATEWAY_RATE": "0.001",
        "GATEWAY_BURST": str(BURST),
    }
    redis.kill()


@pytest.fixture
def gateway(environment: dict[str, str]) -> Iterator[Gateway]:
    """A gateway in front of it."""
    port = free_port()
    with running(gunicorn, port, environment) as process:
        yield Gateway(process.pid, port)


@pytest.mark.slow
def test_ten_reloads_lose_no_post_and_no_bucket(
    gateway: Gateway, service: Service
) -> None:
    service.misbehave = take_a_moment
    crowd = Crowd(lambda: gateway.port)

    crowd.until(gateway.reload_ten_times)

    total = crowd.statuses.total()
    assert crowd.statuses == {200: total}
    assert len(service.received) == total
    assert crowd.remaining == set(range(BURST - total, BURST))


@pytest.mark.slow
def test_two_gateways_that_restart_in_turn_lose_no_post_and_no_bucket(
    environment: dict[str, str], service: Service
) -> None:
    service.misbehave = take_a_moment
    with Pair({**environment, "DRAIN_SECONDS": "3"}) as pair:
        crowd = Crowd(pair.choose)

        crowd.until(pair.restart_in_turn)

    total = crowd.statuses.total()
    assert crowd.statuses == {200: total}
    assert len(service.received) == total
    assert crowd.remaining == set(range(BURST - total, BURST))

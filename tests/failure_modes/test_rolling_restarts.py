"""The gateway is replaced under a crowd that posts and never tries again."""

import os
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from uuid import uuid4

import psutil
import pytest

from tests.gateway_proxy.conftest import bearer_of
from tests.gateway_proxy.redis_server import RedisServer, free_port
from tests.gateway_proxy.servers import gunicorn, running
from tests.gateway_proxy.service import Handler, Service, serving

CLIENTS = 24
SERVICE_TIME, PAUSE = 0.02, 0.05
BURST = 1_000_000
PATIENCE = 60.0
LOST = 0
REMAINING = re.compile(r'"user";r=(\d+)')


class Crowd:
    """Clients of one person that keep their connections and post on and on."""

    def __init__(self, port: int) -> None:
        self._port = port
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
        line = HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        while not self._over.is_set():
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
def gateway(service: Service, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway in front of it, whose buckets hardly fill again."""
    redis, port = RedisServer(tmp_path), free_port()
    environment = {
        "REDIS_URL": redis.url,
        "REDIS_TIMEOUT": "5",
        "GATEWAY_UPSTREAMS": f"billing={service.url}",
        "GATEWAY_RATE": "0.001",
        "GATEWAY_BURST": str(BURST),
    }
    try:
        with running(gunicorn, port, environment) as process:
            yield Gateway(process.pid, port)
    finally:
        redis.kill()


@pytest.mark.slow
def test_ten_reloads_lose_no_post_and_no_bucket(
    gateway: Gateway, service: Service
) -> None:
    service.misbehave = take_a_moment
    crowd = Crowd(gateway.port)

    crowd.until(gateway.reload_ten_times)

    total = crowd.statuses.total()
    assert crowd.statuses == {200: total}
    assert len(service.received) == total
    assert crowd.remaining == set(range(BURST - total, BURST))

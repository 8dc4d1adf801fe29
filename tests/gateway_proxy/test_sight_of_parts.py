"""What the limiter, upstreams, the bridge and the table say of themselves."""

import asyncio
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from gateway_proxy import watching
from gateway_proxy.core.errors import UpstreamFailed, UpstreamUnavailable
from gateway_proxy.core.limiter import Limiter
from gateway_proxy.core.messages import Answer
from gateway_proxy.core.sight import NoSight, Sight
from gateway_proxy.core.table import RouteTable
from gateway_proxy.core.upstreams import OPEN_FOR, Upstream
from gateway_proxy.defaults import default_table
from gateway_proxy.sources import Sources
from gateway_proxy.streaming.bridge import Bridge
from gateway_proxy.watching import Watcher
from tests.gateway_proxy.sights import SpySight
from tests.gateway_proxy.test_limiter import Redis, Revocations, decide
from tests.gateway_proxy.test_upstreams import GET, KEYED, Asked, Clock, Host


@pytest.fixture
def sight() -> SpySight:
    return SpySight()


def test_a_sight_that_sees_nothing_takes_every_word(sight: SpySight) -> None:
    unseen: Sight = NoSight()

    words = {name for name in dir(SpySight) if not name.startswith("_")}

    assert words - {"of"} == {name for name in dir(unseen) if not name.startswith("_")}


def test_a_limiter_says_when_it_counts_alone_and_when_no_longer(
    sight: SpySight,
) -> None:
    redis = Redis()
    limiter = Limiter(
        redis, revocations=Revocations(), clock=lambda: redis.now, sight=sight
    )

    redis.up = False
    for _ in range(5):
        decide(limiter)
    redis.up, redis.now = True, 5.0
    decide(limiter)

    assert sight.of("limiter local") == [(True,), (False,)]


def test_each_failed_try_and_each_repetition_is_told(sight: SpySight) -> None:
    clock = Clock()
    north = Host("north", clock, problem=UpstreamUnavailable)
    south = Host("south", clock)
    ask = Asked(Upstream([north, south], clock=clock, sight=sight))

    assert ask() == "south"

    assert sight.seen == [
        ("failed", "north", "upstream_unavailable"),
        ("retried", "south"),
    ]


def test_an_upstream_that_is_left_alone_and_comes_back_is_told(
    sight: SpySight,
) -> None:
    clock = Clock()
    north = Host("north", clock, problem=UpstreamFailed)
    ask = Asked(Upstream([north], clock=clock, sight=sight))

    for _ in range(20):
        ask()
    north.problem = None
    clock.now += OPEN_FOR
    ask()

    assert sight.of("breaker open") == [("north", True), ("north", False)]


def test_a_host_that_is_left_out_and_let_in_is_told(sight: SpySight) -> None:
    clock = Clock()
    north = Host("north", clock, problem=UpstreamFailed)
    south = Host("south", clock)
    ask = Asked(Upstream([north, south], clock=clock, sight=sight))

    for _ in range(10):
        ask(KEYED)
    north.problem = None
    clock.now += 60
    for _ in range(4):
        ask(KEYED)

    assert sight.of("ejected") == [("north", True), ("north", False)]


def test_an_ejected_host_that_fails_again_is_told_once(sight: SpySight) -> None:
    clock = Clock()
    north = Host("north", clock, problem=UpstreamFailed)
    south = Host("south", clock)
    ask = Asked(Upstream([north, south], clock=clock, sight=sight))

    for _ in range(3):
        for _ in range(10):
            ask(KEYED)
        clock.now += 600

    assert sight.of("ejected") == [("north", True)]


def test_an_upstream_that_is_forgotten_wakes_nobody_any_more(sight: SpySight) -> None:
    clock = Clock()
    north = Host("north", clock, problem=UpstreamFailed)
    south = Host("south", clock, problem=UpstreamFailed)
    ask = Asked(Upstream([north, south], clock=clock, sight=sight))
    for _ in range(40):
        ask()

    ask.upstream.forget()
    clock.now += 600
    for _ in range(40):
        ask()

    assert sight.of("breaker open") == [("south", True), ("south", False)]
    assert sight.of("ejected") == [("north", True), ("north", False)]


def test_a_bridge_says_how_many_wait_and_how_many_have_a_thread(
    sight: SpySight,
) -> None:
    release = Event()

    def call(_: dict[str, Any]) -> Answer:
        assert release.wait(30)
        return Answer(200, "OK", (), b"fine")

    async def ask_thrice() -> None:
        bridge = Bridge(threads=2, waiting=1, call=call, sight=sight)
        asking = [asyncio.ensure_future(bridge.send(GET)) for _ in range(3)]
        await asyncio.sleep(0)
        release.set()
        await asyncio.gather(*asking)
        await bridge.close()

    asyncio.run(ask_thrice())

    assert sight.of("bridge") == [(0, 1), (0, 2), (1, 2), (0, 2), (0, 1), (0, 0)]


class Board(Sources):
    """Sources that give another table each time, and have a switch."""

    def __init__(self) -> None:
        self.reachable = True
        self.asked = Event()

    def first(self) -> RouteTable:
        return default_table()

    def newer(self, table: RouteTable) -> RouteTable:
        return replace(table, version=table.version + 1)

    def sign(self, process: str, table: RouteTable) -> None:
        self.asked.set()

    def __exit__(self, *_error: object) -> None:
        return None


def test_a_table_grows_old_while_nobody_can_be_asked_for_a_newer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("gateway_proxy.watching.monotonic", lambda: now[0])
    board = Board()
    watcher = Watcher(lambda: board, pause=0.01)
    ages = []

    def look() -> None:
        board.asked.clear()
        assert board.asked.wait(30)
        board.asked.clear()
        assert board.asked.wait(30)
        now[0] += 61.0
        ages.append(watcher.stale_seconds())

    watcher.begin()
    look()
    board.reachable = False
    look()
    board.reachable = True
    look()
    watcher.stop()

    assert ages == [0.0, 61.0, 0.0]


def test_the_table_in_use_is_told_each_second(
    sight: SpySight, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = Board()
    watcher = Watcher(lambda: board, pause=30.0)
    monkeypatch.setattr("gateway_proxy.watching._watcher", watcher)
    told = Event()

    watching.tell(sight)
    watching.watch(told.set)
    watcher.begin()
    assert told.wait(30)
    watcher.stop()

    assert sight.of("table") == [(1, 0.0)]

"""The brakes on single views: whom they count, and what they do without Redis."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework.request import Request

from opencore.brakes import BrakeCache, brake, hold_back
from opencore.errors import RateLimited
from tests.gateway_proxy.redis_server import RedisServer

PROXY = "10.0.0.7"
# A window of a day, so that none of its edges falls into a test.
RATE = "3/d"
LIMIT = 3


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that the test may kill, hang and empty."""
    server = RedisServer(tmp_path)
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def _counted_there(redis: RedisServer, settings: Settings) -> None:
    settings.CACHES = {
        **settings.CACHES,
        "brakes": {**settings.CACHES["brakes"], "LOCATION": redis.url},
    }
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]


def passes(
    peer: str = "203.0.113.5", forwarded: str = "", *, when_down: str = "local"
) -> bool:
    """Tell whether one more request from an address is let through."""
    headers = {"X-Forwarded-For": forwarded} if forwarded else None
    request = RequestFactory().post("/", headers=headers, REMOTE_ADDR=peer)
    try:
        hold_back(request, group="tests", rate=RATE, when_down=when_down)  # type: ignore[arg-type]  # -- one of the three words
    except RateLimited:
        return False
    return True


def passed(times: int, peer: str = "203.0.113.5", forwarded: str = "") -> int:
    """Return how many of so many requests from an address are let through."""
    return sum(passes(peer, forwarded) for _ in range(times))


def test_so_many_of_one_address_pass_and_no_more() -> None:
    assert passed(10) == LIMIT
    assert passed(10, "203.0.113.6") == LIMIT


def test_who_is_refused_hears_when_to_come_again() -> None:
    passed(LIMIT)
    request = RequestFactory().post("/", REMOTE_ADDR="203.0.113.5")

    with pytest.raises(RateLimited) as refused:
        hold_back(request, group="tests", rate=RATE)

    assert 0 < int(refused.value.headers["Retry-After"]) <= 86_400


def test_two_kinds_of_requests_are_counted_apart() -> None:
    passed(LIMIT)
    request = RequestFactory().post("/", REMOTE_ADDR="203.0.113.5")

    hold_back(request, group="others", rate=RATE)

    assert not passes()


def test_a_method_with_a_brake_is_not_called_too_often() -> None:
    called = []

    class View:
        @brake("tests", rate=RATE)
        def post(self, request: Request) -> None:
            called.append(request)

    request = Request(RequestFactory().post("/", REMOTE_ADDR="203.0.113.5"))
    for _ in range(LIMIT):
        View().post(request)

    with pytest.raises(RateLimited):
        View().post(request)
    assert len(called) == LIMIT


def test_many_at_once_are_counted_one_by_one() -> None:
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: passes(), range(40)))

    assert sum(outcomes) == LIMIT


def test_an_address_that_a_client_made_up_is_not_believed() -> None:
    made_up = [f"198.51.100.{number}" for number in range(20)]

    outcomes = [passes("203.0.113.5", address) for address in made_up]

    assert sum(outcomes) == LIMIT


def test_an_address_that_a_client_put_before_the_proxys_is_not_believed() -> None:
    made_up = [f"198.51.100.{number}, 203.0.113.5" for number in range(20)]

    outcomes = [passes(PROXY, address) for address in made_up]

    assert sum(outcomes) == LIMIT


@pytest.mark.parametrize(
    "forwarded",
    [
        pytest.param("203.0.113.5", id="one proxy"),
        pytest.param("203.0.113.5, 10.1.1.1, 10.2.2.2", id="three proxies"),
        pytest.param("198.51.100.9,203.0.113.5 ,10.1.1.1", id="and a claim"),
        pytest.param("no address, 203.0.113.5", id="and nonsense"),
        pytest.param("::ffff:203.0.113.5", id="as IPv6 writes it"),
    ],
)
def test_a_client_behind_proxies_is_counted_by_its_own_address(forwarded: str) -> None:
    passed(LIMIT, "203.0.113.5")

    assert not passes(PROXY, forwarded)
    assert passes(PROXY, "203.0.113.99")


@pytest.mark.parametrize(
    "forwarded",
    [
        "no address",
        "",
        ",",
        "203.0.113.5, no address",
        "203.0.113.5:443",
        "unix:",
        "1.2.3.4, 5.6.7.8\r\n",
        "9" * 5000,
    ],
)
def test_whatever_the_header_says_a_request_is_counted(forwarded: str) -> None:
    assert passed(10, PROXY, forwarded) == LIMIT


def test_addresses_of_one_network_are_one_client() -> None:
    addresses = [f"2001:db8:1:2:{number:x}::1" for number in range(1, 20)]

    assert sum(passes(address) for address in addresses) == LIMIT
    assert passes("2001:db8:1:3::1")


def test_without_redis_this_process_counts(redis: RedisServer) -> None:
    redis.kill()

    assert passed(10) == LIMIT
    assert passed(10, "203.0.113.6") == LIMIT


def test_while_redis_hangs_this_process_counts(redis: RedisServer) -> None:
    redis.hang()

    assert passed(10) == LIMIT


def test_without_redis_all_threads_count_together(redis: RedisServer) -> None:
    redis.kill()

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: passes(), range(40)))

    assert sum(outcomes) == LIMIT


def test_without_redis_a_crowd_makes_nobody_forgotten(redis: RedisServer) -> None:
    redis.kill()
    passed(LIMIT)

    for number in range(1000):
        passes(f"198.51.{number // 250}.{number % 250}")

    assert not passes()


@pytest.mark.parametrize(("when_down", "let"), [("closed", False), ("open", True)])
def test_without_redis_a_brake_may_let_nobody_through_or_all(
    redis: RedisServer, when_down: str, let: bool
) -> None:
    redis.kill()

    outcomes = {passes(when_down=when_down) for _ in range(10)}

    assert outcomes == {let}


def test_a_brake_that_lets_nobody_through_says_when_to_come_again(
    redis: RedisServer,
) -> None:
    redis.hang()
    request = RequestFactory().post("/", REMOTE_ADDR="203.0.113.5")

    with pytest.raises(RateLimited) as refused:
        hold_back(request, group="tests", rate=RATE, when_down="closed")

    assert refused.value.headers == {"Retry-After": "1"}


@pytest.mark.parametrize("when_down", ["closed", "open"])
def test_with_redis_each_kind_of_brake_counts(when_down: str) -> None:
    outcomes = [passes(when_down=when_down) for _ in range(10)]

    assert sum(outcomes) == LIMIT


def test_a_redis_that_was_emptied_counts_anew(redis: RedisServer) -> None:
    passed(10)
    with redis.client() as client:
        client.flushall()

    assert passed(10) == LIMIT


def test_a_redis_that_is_back_counts_again(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BrakeCache, "pause", 0.0)
    redis.kill()
    passed(10)

    redis.start()

    assert passed(10) == LIMIT
    with redis.client() as client:
        assert client.dbsize() == 1

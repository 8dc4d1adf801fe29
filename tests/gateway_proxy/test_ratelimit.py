"""Buckets in a real Redis: shared, exact, and replaced while it is away."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway_proxy.core.allowance import Policy
from gateway_proxy.ratelimit import Limiter, SharedBuckets
from tests.gateway_proxy.redis_server import RedisServer

HARDLY_REFILLS = Policy("user", rate=0.0001, burst=50)
TIMEOUT = 0.05


def buckets_at(server: RedisServer) -> SharedBuckets:
    return SharedBuckets(server.url, timeout=TIMEOUT)


def patient_buckets_at(server: RedisServer) -> SharedBuckets:
    return SharedBuckets(server.url, timeout=5)


def admitted(buckets: SharedBuckets, policy: Policy, *, of: int) -> int:
    return sum(buckets.take("ada", policy).allowed for _ in range(of))


def test_eight_gateways_at_once_admit_exactly_the_burst(
    redis_server: RedisServer,
) -> None:
    gateways = [patient_buckets_at(redis_server) for _ in range(8)]

    with ThreadPoolExecutor(max_workers=8) as pool:
        counts = pool.map(
            lambda buckets: admitted(buckets, HARDLY_REFILLS, of=40), gateways
        )

    assert sum(counts) == 50


def test_a_bucket_survives_a_restart_of_the_gateway(redis_server: RedisServer) -> None:
    before = patient_buckets_at(redis_server)
    assert admitted(before, HARDLY_REFILLS, of=30) == 30
    before.close()

    after = patient_buckets_at(redis_server)

    assert admitted(after, HARDLY_REFILLS, of=30) == 20


def test_a_restarted_redis_is_given_the_script_again(mortal_redis: RedisServer) -> None:
    buckets = patient_buckets_at(mortal_redis)
    buckets.take("ada", HARDLY_REFILLS)
    mortal_redis.kill()
    mortal_redis.start()

    assert admitted(buckets, HARDLY_REFILLS, of=60) == 50


def test_a_bucket_refills_by_the_clock_of_redis(redis_server: RedisServer) -> None:
    policy = Policy("user", rate=10.0, burst=50)
    buckets = patient_buckets_at(redis_server)
    with redis_server.client() as client:
        seconds, micros = client.time()
        two_seconds_ago = (seconds - 2) * 1_000_000 + micros
        client.hset(
            "gateway:bucket:{ada}", mapping={"tokens": "0", "at": two_seconds_ago}
        )

    verdict = buckets.take("ada", policy)

    assert verdict.tokens == pytest.approx(19.0, abs=1.0)


def test_a_clock_of_redis_that_is_set_back_locks_nobody_out(
    redis_server: RedisServer,
) -> None:
    policy = Policy("user", rate=1000.0, burst=50)
    buckets = patient_buckets_at(redis_server)
    with redis_server.client() as client:
        in_an_hour = (client.time()[0] + 3600) * 1_000_000
        client.hset("gateway:bucket:{ada}", mapping={"tokens": "0", "at": in_an_hour})
    assert not buckets.take("ada", policy).allowed

    deadline = time.monotonic() + 5
    while not (verdict := buckets.take("ada", policy)).allowed:
        assert time.monotonic() < deadline

    assert verdict.allowed


def test_a_full_bucket_is_forgotten_by_redis(redis_server: RedisServer) -> None:
    buckets = patient_buckets_at(redis_server)
    buckets.take("ada", Policy("user", rate=25.0, burst=50))

    with redis_server.client() as client:
        left = client.pttl("gateway:bucket:{ada}")

    assert 0 < left <= 1040


def test_a_refused_request_writes_nothing(redis_server: RedisServer) -> None:
    buckets = patient_buckets_at(redis_server)
    admitted(buckets, HARDLY_REFILLS, of=50)
    with redis_server.client() as client:
        before = client.hgetall("gateway:bucket:{ada}")

        assert not buckets.take("ada", HARDLY_REFILLS).allowed

        assert client.hgetall("gateway:bucket:{ada}") == before


def test_two_clients_have_two_buckets(redis_server: RedisServer) -> None:
    buckets = patient_buckets_at(redis_server)
    admitted(buckets, HARDLY_REFILLS, of=60)

    assert buckets.take("grace", HARDLY_REFILLS).allowed


def test_without_redis_the_limit_holds_within_the_process(
    mortal_redis: RedisServer,
) -> None:
    mortal_redis.kill()
    limiter = Limiter(buckets_at(mortal_redis))

    verdicts = [limiter.take("ada", HARDLY_REFILLS).allowed for _ in range(60)]

    assert verdicts == [True] * 50 + [False] * 10


def test_without_redis_a_bucket_goes_on_where_it_was(mortal_redis: RedisServer) -> None:
    limiter = Limiter(patient_buckets_at(mortal_redis))
    for _ in range(45):
        limiter.take("ada", HARDLY_REFILLS)

    mortal_redis.kill()

    verdicts = [limiter.take("ada", HARDLY_REFILLS).allowed for _ in range(10)]
    assert verdicts == [True] * 5 + [False] * 5


def test_a_hung_redis_costs_a_few_requests_its_time_out_but_not_all(
    mortal_redis: RedisServer,
) -> None:
    limiter = Limiter(buckets_at(mortal_redis))
    limiter.take("ada", HARDLY_REFILLS)
    mortal_redis.hang()

    began = time.monotonic()
    for _ in range(40):
        limiter.take("ada", HARDLY_REFILLS)

    assert 3 * TIMEOUT <= time.monotonic() - began < 20 * TIMEOUT


@pytest.mark.parametrize("fault", ["killed", "hung"])
def test_limits_are_shared_again_when_redis_is_back(
    mortal_redis: RedisServer, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway_proxy.ratelimit")
    now = [0.0]
    limiter = Limiter(buckets_at(mortal_redis), clock=lambda: now[0])
    {"killed": mortal_redis.kill, "hung": mortal_redis.hang}[fault]()
    for _ in range(5):
        limiter.take("ada", HARDLY_REFILLS)

    {"killed": mortal_redis.start, "hung": mortal_redis.wake}[fault]()
    with mortal_redis.client() as client:
        client.ping()
        client.flushall()
        now[0] += 1.0
        deadline = time.monotonic() + 5
        while not client.exists("gateway:bucket:{ada}"):
            assert time.monotonic() < deadline
            now[0] += 1.0
            limiter.take("ada", HARDLY_REFILLS)

    assert [record.message for record in caplog.records] == [
        "rate limits fell back to this process",
        "rate limits are shared again",
    ]


def test_an_error_of_redis_itself_falls_back_as_well(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    limiter = Limiter(patient_buckets_at(redis_server))
    with redis_server.client() as client:
        client.set("gateway:bucket:{ada}", "not a bucket")

    verdicts = [limiter.take("ada", HARDLY_REFILLS).allowed for _ in range(51)]

    assert verdicts == [True] * 50 + [False]

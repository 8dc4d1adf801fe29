"""Buckets in a real Redis, asked by threads and by event loops: one set of promises."""

import asyncio
import math
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest
from redis import Redis

from gateway_proxy.blocking import limits as blocking
from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.decisions import Bucket, Charge, Decision
from gateway_proxy.core.limiter import LimitsUnavailable
from gateway_proxy.streaming import limits as streaming
from gateway_proxy.streaming.limits import RedisBuckets
from opencore.revoked import GOOD_SINCE, REVOKED
from tests.gateway_proxy.charges import (
    HARDLY_REFILLS,
    ISSUED_AT,
    KEPT_AT,
    Gateway,
    claims_of,
    gateway_at,
    of_ada,
)
from tests.gateway_proxy.redis_server import RedisServer

ROOT = Path(__file__).parent.parent.parent
Open = Callable[[RedisServer], Gateway]
KINDS = pytest.mark.parametrize(
    "kind", [blocking, streaming], ids=["threads", "event loop"]
)


@pytest.fixture
def open_gateway(kind: ModuleType) -> Iterator[Open]:
    """Opens gateways of a kind, which have all the time they need."""
    with ExitStack() as stack:
        yield lambda server: stack.enter_context(
            gateway_at(kind, server.url, timeout=10)
        )


@pytest.fixture
def gateway(open_gateway: Open, redis_server: RedisServer) -> Gateway:
    """A gateway at an empty Redis."""
    return open_gateway(redis_server)


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """A plain client of that Redis."""
    with redis_server.client() as client:
        yield client


def microseconds_of(redis: Redis) -> int:
    """Return the time by the clock of Redis."""
    seconds, micros = redis.time()
    return int(seconds) * 1_000_000 + int(micros)


@KINDS
def test_a_bucket_lets_its_burst_through_and_no_more(gateway: Gateway) -> None:
    assert gateway.admitted(of_ada(), of=60) == 50


@KINDS
def test_a_verdict_tells_what_the_bucket_holds_now(gateway: Gateway) -> None:
    decision = gateway.decide(of_ada(cost=7))

    (verdict,) = decision.verdicts
    assert (verdict.policy, verdict.allowed, verdict.cost, verdict.shadow) == (
        HARDLY_REFILLS,
        True,
        7,
        False,
    )
    assert verdict.tokens == 43


@KINDS
def test_two_clients_have_two_buckets(gateway: Gateway) -> None:
    assert gateway.admitted(of_ada(), of=60) == 50

    grace = Charge((Bucket("grace", HARDLY_REFILLS),))

    assert gateway.decide(grace).allowed


@KINDS
def test_a_bucket_survives_a_restart_of_the_gateway(
    open_gateway: Open, redis_server: RedisServer
) -> None:
    assert open_gateway(redis_server).admitted(of_ada(), of=30) == 30

    assert open_gateway(redis_server).admitted(of_ada(), of=30) == 20


@KINDS
def test_a_bucket_survives_the_death_of_redis_and_a_restart_of_the_gateway(
    open_gateway: Open, durable_redis: RedisServer
) -> None:
    assert open_gateway(durable_redis).admitted(of_ada(), of=30) == 30

    durable_redis.kill()
    durable_redis.start()

    assert open_gateway(durable_redis).admitted(of_ada(), of=30) == 20


@KINDS
def test_the_cost_is_taken_from_every_bucket(gateway: Gateway) -> None:
    user, org = (Bucket(name, HARDLY_REFILLS) for name in ("user", "org"))

    decision = gateway.decide(Charge((user, org), cost=7))

    assert [verdict.tokens for verdict in decision.verdicts] == [43, 43]


@KINDS
def test_a_bucket_that_refuses_lets_nothing_be_taken_from_the_others(
    gateway: Gateway, redis: Redis
) -> None:
    small = Bucket("small", Policy("org", rate=0.0001, burst=2))
    charge = Charge((Bucket("ada", HARDLY_REFILLS), small), cost=2)
    assert gateway.decide(charge).allowed
    before = redis.get(KEPT_AT)

    decision = gateway.decide(charge)

    assert not decision.allowed
    assert [verdict.allowed for verdict in decision.verdicts] == [True, False]
    assert [math.floor(verdict.tokens) for verdict in decision.verdicts] == [48, 0]
    assert redis.get(KEPT_AT) == before


@KINDS
def test_a_bucket_in_the_shadow_is_counted_and_refuses_nobody(
    gateway: Gateway,
) -> None:
    small = Bucket("small", Policy("org", rate=0.0001, burst=2), shadow=True)
    charge = Charge((Bucket("ada", HARDLY_REFILLS), small))

    decisions = [gateway.decide(charge) for _ in range(3)]

    assert [decision.allowed for decision in decisions] == [True, True, True]
    assert [math.ceil(one.verdicts[0].tokens) for one in decisions] == [49, 48, 47]
    shadows = [decision.verdicts[1] for decision in decisions]
    assert [verdict.allowed for verdict in shadows] == [True, True, False]
    assert [math.floor(verdict.tokens) for verdict in shadows] == [1, 0, 0]


@KINDS
def test_a_request_that_costs_nothing_passes_an_empty_bucket(gateway: Gateway) -> None:
    gateway.admitted(of_ada(), of=50)

    assert gateway.decide(of_ada(cost=0)).allowed


@KINDS
def test_a_bucket_refills_by_the_clock_of_redis(gateway: Gateway, redis: Redis) -> None:
    policy = Policy("user", rate=10.0, burst=50)
    redis.set(KEPT_AT, microseconds_of(redis) + 3_000_000)

    (verdict,) = gateway.decide(of_ada(policy)).verdicts

    assert verdict.tokens == pytest.approx(19.0, abs=5.0)


@KINDS
def test_a_burst_below_half_the_rate_limits_too(gateway: Gateway, redis: Redis) -> None:
    policy = Policy("user", rate=20.0, burst=5)

    gateway.decide(of_ada(policy, cost=5))

    assert float(redis.get(KEPT_AT) or 0) > microseconds_of(redis)
    assert 0 < redis.pttl(KEPT_AT) <= 1250


@KINDS
def test_a_full_bucket_is_forgotten_by_redis(gateway: Gateway, redis: Redis) -> None:
    gateway.decide(of_ada(Policy("user", rate=25.0, burst=50)))

    assert 0 < redis.pttl(KEPT_AT) <= 1040


@KINDS
def test_a_refused_request_writes_nothing(gateway: Gateway, redis: Redis) -> None:
    gateway.admitted(of_ada(), of=50)
    before = redis.get(KEPT_AT), redis.pttl(KEPT_AT)

    assert not gateway.decide(of_ada()).allowed

    assert redis.get(KEPT_AT) == before[0]
    assert redis.pttl(KEPT_AT) <= before[1]


@KINDS
def test_a_clock_of_redis_that_is_set_back_locks_nobody_out(
    gateway: Gateway, redis: Redis
) -> None:
    policy = Policy("user", rate=1000.0, burst=50)
    redis.set(KEPT_AT, microseconds_of(redis) + 3600 * 1_000_000)

    refused = gateway.decide(of_ada(policy))
    assert refused.verdicts[0].tokens == 0
    assert not refused.allowed

    deadline = time.monotonic() + 10
    while not gateway.decide(of_ada(policy)).allowed:
        assert time.monotonic() < deadline


@KINDS
def test_a_value_that_is_no_bucket_counts_as_a_full_one(
    gateway: Gateway, redis: Redis
) -> None:
    redis.set(KEPT_AT, "not a bucket")

    assert gateway.admitted(of_ada(), of=60) == 50


@KINDS
def test_a_redis_that_lost_the_script_is_given_it_again(
    gateway: Gateway, redis: Redis
) -> None:
    assert gateway.admitted(of_ada(), of=30) == 30

    redis.script_flush()

    assert gateway.admitted(of_ada(), of=30) == 20


@KINDS
def test_a_restarted_redis_is_asked_again(
    open_gateway: Open, mortal_redis: RedisServer
) -> None:
    gateway = open_gateway(mortal_redis)
    gateway.decide(of_ada())
    mortal_redis.kill()
    with pytest.raises(LimitsUnavailable):
        gateway.decide(of_ada())

    mortal_redis.start()

    assert gateway.admitted(of_ada(), of=60) == 50


@KINDS
def test_no_decision_pays_for_a_redis_that_was_restarted_between_two(
    open_gateway: Open, mortal_redis: RedisServer
) -> None:
    gateway = open_gateway(mortal_redis)
    gateway.decide(of_ada())
    mortal_redis.kill()
    mortal_redis.start()
    gateway.idle()

    assert gateway.admitted(of_ada(), of=60) == 50


@KINDS
def test_a_redis_that_hangs_is_given_up_on_and_its_late_answer_is_nobodys(
    kind: ModuleType, mortal_redis: RedisServer
) -> None:
    with gateway_at(kind, mortal_redis.url, timeout=0.2) as gateway:
        gateway.decide(of_ada())
        mortal_redis.hang()
        with pytest.raises(LimitsUnavailable):
            gateway.decide(of_ada(cost=40))

        mortal_redis.wake()

        grace = Charge((Bucket("grace", HARDLY_REFILLS),))
        (verdict,) = patiently(gateway, grace).verdicts
        assert verdict.tokens == 49


def patiently(gateway: Gateway, charge: Charge) -> Decision:
    """Ask until there is an answer."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            return gateway.decide(charge)
        except LimitsUnavailable:
            continue
    raise TimeoutError


@KINDS
def test_a_server_that_says_nothing_is_asked_once(kind: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        with (
            gateway_at(kind, url, timeout=0.05) as gateway,
            pytest.raises(LimitsUnavailable),
        ):
            gateway.decide(of_ada())
        silent.settimeout(0)
        silent.accept()[0].close()

        with pytest.raises(BlockingIOError):
            silent.accept()


@KINDS
def test_an_error_of_redis_itself_is_told(gateway: Gateway, redis: Redis) -> None:
    redis.hset(KEPT_AT, "of", "another kind")

    with pytest.raises(LimitsUnavailable, match="WRONGTYPE"):
        gateway.decide(of_ada())


@KINDS
@pytest.mark.parametrize("of", ["session", "user", "key"])
def test_a_revoked_token_is_known_and_nothing_is_taken(
    gateway: Gateway, redis: Redis, of: str
) -> None:
    claims = claims_of()
    member = {
        "session": f"s:{claims.session_id}",
        "user": f"u:{claims.user_id}",
        "key": f"k:{claims.key_id}",
    }[of]
    redis.zadd(REVOKED, {member: "+inf"})
    redis.hset(GOOD_SINCE, member, str(ISSUED_AT.timestamp() + 1))

    decision = gateway.decide(replace(of_ada(), claims=claims))

    assert decision == Decision((), revoked=True)
    assert not decision.allowed
    assert not redis.exists(KEPT_AT)


@KINDS
def test_a_token_of_another_session_is_not_revoked(
    gateway: Gateway, redis: Redis
) -> None:
    redis.zadd(REVOKED, {f"s:{uuid4()}": "+inf", f"u:{uuid4()}": "+inf"})

    assert gateway.decide(replace(of_ada(), claims=claims_of())).allowed


@KINDS
def test_a_token_that_was_issued_after_the_users_others_were_revoked_is_good(
    gateway: Gateway, redis: Redis
) -> None:
    ada = uuid4()
    redis.zadd(REVOKED, {f"u:{ada}": "+inf"})
    redis.hset(GOOD_SINCE, f"u:{ada}", str(ISSUED_AT.timestamp()))
    older = claims_of(ada, issued_at=ISSUED_AT - timedelta(seconds=1))

    assert gateway.decide(replace(of_ada(), claims=claims_of(ada))).allowed
    assert gateway.decide(replace(of_ada(), claims=older)).revoked


@KINDS
def test_a_revocation_ends_when_its_time_is_over(
    gateway: Gateway, redis: Redis
) -> None:
    claims = claims_of()
    redis.zadd(
        REVOKED, {f"s:{claims.session_id}": microseconds_of(redis) / 1_000_000 - 1}
    )

    assert gateway.decide(replace(of_ada(), claims=claims)).allowed


def test_eight_processes_of_both_kinds_admit_exactly_the_burst(
    redis_server: RedisServer,
) -> None:
    spent = subprocess.run(
        [sys.executable, "-m", "tests.gateway_proxy.spending", redis_server.url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    counts = [int(line) for line in spent.stdout.split()]
    assert len(counts) == 8
    assert sum(counts) == 50


def test_two_gateways_and_a_restart_between_admit_no_more_than_the_rate(
    redis_server: RedisServer, redis: Redis
) -> None:
    policy = Policy("user", rate=40.0, burst=5)
    charge = of_ada(policy)
    began = microseconds_of(redis)
    admitted = 0

    with gateway_at(streaming, redis_server.url, timeout=10) as other:
        for _ in range(2):
            with gateway_at(blocking, redis_server.url, timeout=10) as gateway:
                until = time.monotonic() + 0.2
                while time.monotonic() < until:
                    admitted += other.decide(charge).allowed
                    admitted += gateway.decide(charge).allowed

    seconds = (microseconds_of(redis) - began) / 1_000_000
    assert 5 < admitted <= 5 + 40 * seconds


def test_decisions_of_one_moment_are_one_message_to_redis(
    redis_server: RedisServer, redis: Redis
) -> None:
    async def decide_at_once() -> list[Decision]:
        buckets = RedisBuckets(redis_server.url, timeout=10)
        await buckets.decide(of_ada())
        before = redis.info("stats")["total_reads_processed"]
        decisions = await asyncio.gather(*(buckets.decide(of_ada()) for _ in range(32)))
        reads.append(redis.info("stats")["total_reads_processed"] - before)
        await buckets.close()
        return decisions

    reads: list[int] = []

    decisions = asyncio.run(decide_at_once())

    assert [decision.verdicts[0].tokens for decision in decisions] == [
        pytest.approx(tokens, abs=0.01) for tokens in range(48, 16, -1)
    ]
    # One of them is the question for the number itself.
    assert reads == [2]


def test_a_request_that_nobody_waits_for_disturbs_no_other(
    redis_server: RedisServer,
) -> None:
    async def cancel_one_of_two() -> Decision:
        buckets = RedisBuckets(redis_server.url, timeout=10)
        gone = asyncio.ensure_future(buckets.decide(of_ada()))
        waiting = asyncio.ensure_future(buckets.decide(of_ada()))
        await asyncio.sleep(0)
        gone.cancel()
        decision = await waiting
        await buckets.close()
        return decision

    assert asyncio.run(cancel_one_of_two()).verdicts[0].tokens == pytest.approx(
        48, abs=0.01
    )


def test_the_time_out_counts_from_when_a_decision_was_asked_for(
    mortal_redis: RedisServer,
) -> None:
    async def ask_three_times(buckets: RedisBuckets) -> list[Decision | BaseException]:
        first = asyncio.ensure_future(buckets.decide(of_ada()))
        await asyncio.sleep(0.1)
        later = [buckets.decide(of_ada()) for _ in range(2)]
        return await asyncio.gather(first, *later, return_exceptions=True)

    async def ask_a_hung_redis() -> tuple[list[Decision | BaseException], float]:
        buckets = RedisBuckets(mortal_redis.url, timeout=1.5)
        began = time.monotonic()
        outcomes = await ask_three_times(buckets)
        took = time.monotonic() - began
        await buckets.close()
        return outcomes, took

    mortal_redis.hang()

    outcomes, took = asyncio.run(ask_a_hung_redis())

    assert [type(outcome) for outcome in outcomes] == [LimitsUnavailable] * 3
    # One time-out after the last question, and not one after another.
    assert took < 2.9


def test_too_many_who_wait_are_turned_away_at_once(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "MOST_WAITING", 2)

    async def ask_three_times() -> list[Decision | BaseException]:
        buckets = RedisBuckets(redis_server.url, timeout=10)
        outcomes = await asyncio.gather(
            *(buckets.decide(of_ada()) for _ in range(3)), return_exceptions=True
        )
        await buckets.close()
        return outcomes

    outcomes = asyncio.run(ask_three_times())

    assert [type(outcome) for outcome in outcomes] == [
        Decision,
        Decision,
        LimitsUnavailable,
    ]


GRANTED = b"*3\r\n:0\r\n:1\r\n:5000000\r\n"


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ([GRANTED, GRANTED], [True, True]),
        ([GRANTED * 2, GRANTED], [False, True]),
        ([GRANTED[:9], b""], [False, False]),
    ],
    ids=["as asked", "twice", "in part"],
)
def test_what_redis_says_beyond_a_question_is_nobodys_answer(
    said: list[bytes], allowed: list[bool]
) -> None:
    connections: list[int] = []
    saying = iter(said)

    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while await reader.read(65536):
            writer.write(next(saying))
        writer.close()

    async def ask_twice() -> list[bool]:
        server = await asyncio.start_server(lie, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        buckets = RedisBuckets(f"redis://127.0.0.1:{port}", timeout=0.3)
        found = []
        for _ in said:
            try:
                found.append((await buckets.decide(of_ada())).allowed)
            except LimitsUnavailable:
                found.append(False)
        await buckets.close()
        server.close()
        return found

    assert asyncio.run(ask_twice()) == allowed
    assert len(connections) == 1 + allowed[:-1].count(False)


def test_what_redis_says_unasked_ends_the_connection() -> None:
    connections: list[int] = []

    async def chat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while await reader.read(65536):
            writer.write(GRANTED)
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(b"*1\r\n:1\r\n")
        writer.close()

    async def ask_later() -> list[bool]:
        server = await asyncio.start_server(chat, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        buckets = RedisBuckets(f"redis://127.0.0.1:{port}", timeout=10)
        first = await buckets.decide(of_ada())
        await asyncio.sleep(0.2)
        second = await buckets.decide(of_ada())
        await buckets.close()
        server.close()
        return [first.allowed, second.allowed]

    assert asyncio.run(ask_later()) == [True, True]
    assert len(connections) == 2

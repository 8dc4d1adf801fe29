"""Who decides when, without a Redis: the limiter around buckets that have a switch."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Barrier, Thread
from uuid import uuid4

import pytest

from gateway_proxy.blocking import run
from gateway_proxy.core.allowance import Policy, Verdict
from gateway_proxy.core.decisions import Bucket, Charge, Decision, WhenDown
from gateway_proxy.core.limiter import Limiter, LimitsUnavailable
from gateway_proxy.core.localbuckets import LocalBuckets
from opencore.claims import AccessClaims, Claims

POLICY = Policy("user", rate=1.0, burst=10)
ADA = Charge((Bucket("ada", POLICY),))
LOGGER = "gateway_proxy.core.limiter"
NOW = datetime(2028, 2, 28, 12, tzinfo=UTC)


@dataclass
class Redis:
    """Buckets that all limiters share, a clock, and a switch for an outage."""

    up: bool = True
    now: float = 0.0
    asked: int = 0
    revoked: bool = False
    buckets: LocalBuckets = field(default_factory=LocalBuckets)

    async def decide(self, charge: Charge) -> Decision:
        self.asked += 1
        if not self.up:
            raise LimitsUnavailable("refused")
        if self.revoked:
            return Decision((), revoked=True)
        return Decision(
            self.buckets.charge(charge.buckets, cost=charge.cost, now=self.now)
        )

    async def close(self) -> None:
        self.up = False


@dataclass
class Revocations:
    """What was heard of."""

    sessions: set[object] = field(default_factory=set)
    watched: int = 0
    closed: bool = False

    def watch(self) -> None:
        self.watched += 1

    def include(self, claims: Claims) -> bool:
        return getattr(claims, "session_id", None) in self.sessions

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def redis() -> Redis:
    return Redis()


@pytest.fixture
def revocations() -> Revocations:
    return Revocations()


@pytest.fixture
def limiter(redis: Redis, revocations: Revocations) -> Limiter:
    return Limiter(redis, revocations=revocations, clock=lambda: redis.now)


def decide(limiter: Limiter, charge: Charge = ADA) -> Decision:
    return run(limiter.decide(charge))


def admitted(limiter: Limiter, charge: Charge = ADA, *, of: int) -> int:
    return sum(decide(limiter, charge).allowed for _ in range(of))


def test_redis_decides_while_it_is_there(limiter: Limiter, redis: Redis) -> None:
    decision = decide(limiter)

    assert decision == Decision((Verdict(POLICY, allowed=True, tokens=9.0),))
    assert (redis.asked, limiter.alone) == (1, False)


def test_two_limiters_share_what_redis_holds(
    limiter: Limiter, redis: Redis, revocations: Revocations
) -> None:
    other = Limiter(redis, revocations=revocations, clock=lambda: redis.now)

    assert admitted(limiter, of=6) == 6
    assert admitted(other, of=6) == 4


def test_without_redis_the_limit_holds_within_the_process(
    limiter: Limiter, redis: Redis
) -> None:
    redis.up = False

    assert admitted(limiter, of=12) == 10


def test_without_redis_a_bucket_goes_on_where_it_was(
    limiter: Limiter, redis: Redis
) -> None:
    assert admitted(limiter, of=7) == 7

    redis.up = False

    assert admitted(limiter, of=12) == 3


def test_without_redis_each_process_refills_by_its_share_of_the_rate(
    redis: Redis, revocations: Revocations
) -> None:
    limiter = Limiter(
        redis, revocations=revocations, processes=4, clock=lambda: redis.now
    )
    redis.up = False
    assert admitted(limiter, of=12) == 10

    redis.now += 8.0

    assert admitted(limiter, of=12) == 2


def test_alone_it_takes_from_all_buckets_or_from_none(
    limiter: Limiter, redis: Redis
) -> None:
    redis.up = False
    org = Bucket("acme", Policy("org", rate=1.0, burst=3))
    both = Charge((Bucket("ada", POLICY), org), cost=2)

    decisions = [decide(limiter, both) for _ in range(2)]

    assert [decision.allowed for decision in decisions] == [True, False]
    assert [verdict.tokens for verdict in decisions[1].verdicts] == [8.0, 1.0]
    assert [verdict.policy.name for verdict in decisions[1].refusals] == ["org"]


def test_alone_a_bucket_in_the_shadow_refuses_nobody(
    limiter: Limiter, redis: Redis
) -> None:
    redis.up = False
    shadow = Bucket("acme", Policy("org", rate=1.0, burst=1), shadow=True)
    both = Charge((*ADA.buckets, shadow))

    decisions = [decide(limiter, both) for _ in range(2)]

    assert [decision.allowed for decision in decisions] == [True, True]
    assert [verdict.tokens for verdict in decisions[1].verdicts] == [8.0, 0.0]
    assert [verdict.allowed for verdict in decisions[1].verdicts] == [True, False]


@pytest.mark.parametrize(
    ("when_down", "decision"),
    [("open", Decision(())), ("closed", Decision((), closed=True))],
)
def test_a_route_may_be_open_or_closed_while_redis_is_down(
    limiter: Limiter, redis: Redis, when_down: WhenDown, decision: Decision
) -> None:
    redis.up = False
    for _ in range(3):
        decide(limiter)

    charge = replace(ADA, when_down=when_down)

    assert [decide(limiter, charge) for _ in range(12)] == [decision] * 12


def test_an_answer_of_redis_that_is_late_closes_no_route_yet(
    limiter: Limiter, redis: Redis
) -> None:
    closed = replace(ADA, when_down="closed")
    redis.up = False

    decisions = [decide(limiter, closed) for _ in range(3)]

    assert [decision.closed for decision in decisions] == [False, False, True]
    assert [len(decision.verdicts) for decision in decisions] == [1, 1, 0]


@pytest.mark.parametrize("when_down", ["local", "open", "closed"])
def test_what_was_heard_to_be_revoked_stays_so_while_redis_is_down(
    limiter: Limiter, redis: Redis, revocations: Revocations, when_down: WhenDown
) -> None:
    claims = claims_of_ada()
    revocations.sessions.add(claims.session_id)
    redis.up = False

    decision = decide(limiter, replace(ADA, when_down=when_down, claims=claims))

    assert decision == Decision((), revoked=True)


def test_what_redis_knows_to_be_revoked_is_so(limiter: Limiter, redis: Redis) -> None:
    redis.revoked = True

    assert decide(limiter, replace(ADA, claims=claims_of_ada())).revoked


def claims_of_ada() -> AccessClaims:
    return AccessClaims(
        user_id=uuid4(),
        session_id=uuid4(),
        role="user",
        expires_at=NOW,
        issued_at=NOW,
        key_id="key-of-today",
    )


def test_three_failures_and_redis_is_left_alone_but_for_a_probe_a_second(
    limiter: Limiter, redis: Redis
) -> None:
    redis.up = False
    admitted(limiter, of=20)
    assert (redis.asked, limiter.alone) == (3, True)

    redis.now += 1.0
    admitted(limiter, of=20)

    assert redis.asked == 4


def test_one_failure_is_no_outage(limiter: Limiter, redis: Redis) -> None:
    redis.up = False
    decide(limiter)
    redis.up = True
    decide(limiter)

    assert (redis.asked, limiter.alone) == (2, False)


def test_limits_are_shared_again_within_a_second_of_redis_return(
    limiter: Limiter, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    redis.up = False
    admitted(limiter, of=5)

    redis.up = True
    redis.now += 1.0
    decisions = [decide(limiter) for _ in range(5)]

    assert [decision.verdicts[0].tokens for decision in decisions] == [9, 8, 7, 6, 5]
    assert not limiter.alone
    assert [record.message for record in caplog.records] == [
        "rate limits fell back to this process",
        "rate limits are shared again",
    ]


def test_who_was_refused_costs_redis_nothing_until_they_may_come_again(
    limiter: Limiter, redis: Redis
) -> None:
    assert admitted(limiter, of=11) == 10
    assert redis.asked == 11

    redis.now += 0.99
    refused = decide(limiter)

    assert redis.asked == 11
    assert not refused.allowed
    assert refused.headers() == {
        "ratelimit-policy": '"user";q=10;w=10',
        "ratelimit": '"user";r=0;t=10',
        "retry-after": "1",
    }


def test_who_was_refused_is_admitted_as_soon_as_redis_would(
    limiter: Limiter, redis: Redis
) -> None:
    assert admitted(limiter, of=11) == 10

    redis.now += 1.0

    assert decide(limiter).allowed


def test_who_was_refused_a_dear_request_may_make_a_cheap_one(
    limiter: Limiter, redis: Redis
) -> None:
    assert admitted(limiter, of=7) == 7

    assert admitted(limiter, replace(ADA, cost=5), of=3) == 0
    assert redis.asked == 8

    assert decide(limiter, replace(ADA, cost=2)).allowed
    assert redis.asked == 9


def test_of_several_buckets_only_the_one_that_refused_is_remembered(
    limiter: Limiter, redis: Redis
) -> None:
    acme = Bucket("acme", Policy("org", rate=1.0, burst=1))
    ada, grace = (Bucket(name, POLICY) for name in ("ada", "grace"))
    decide(limiter, Charge((ada, acme)))
    assert not decide(limiter, Charge((ada, acme))).allowed

    another = decide(limiter, Charge((grace, acme)))

    assert redis.asked == 2
    assert [verdict.policy.name for verdict in another.refusals] == ["org"]
    assert decide(limiter, Charge((ada,))).allowed


def test_a_refusal_in_the_shadow_is_not_remembered(
    limiter: Limiter, redis: Redis
) -> None:
    shadow = Charge((Bucket("acme", Policy("org", rate=1.0, burst=1), shadow=True),))

    assert admitted(limiter, shadow, of=5) == 5
    assert redis.asked == 5


def test_a_bucket_that_refused_may_pass_once_it_is_in_the_shadow(
    limiter: Limiter, redis: Redis
) -> None:
    assert admitted(limiter, of=11) == 10

    decision = decide(limiter, Charge((replace(ADA.buckets[0], shadow=True),)))

    assert decision.allowed
    assert redis.asked == 12


def test_a_refusal_by_other_numbers_says_nothing(
    limiter: Limiter, redis: Redis
) -> None:
    assert admitted(limiter, of=11) == 10

    decide(limiter, Charge((Bucket("ada", Policy("user", rate=5.0, burst=20)),)))

    assert redis.asked == 12


def test_the_longest_known_refusals_make_room(
    limiter: Limiter, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter._refusals, "_room", 1)
    grace = Charge((Bucket("grace", POLICY),))
    admitted(limiter, of=11)
    admitted(limiter, grace, of=11)

    decide(limiter)
    decide(limiter, grace)

    assert redis.asked == 24


def test_each_decision_keeps_the_revocations_watched(
    limiter: Limiter, revocations: Revocations
) -> None:
    decide(limiter)

    assert revocations.watched == 1


def test_closing_lets_go_of_redis_and_of_the_revocations(
    limiter: Limiter, redis: Redis, revocations: Revocations
) -> None:
    run(limiter.close())

    assert (redis.up, revocations.closed) == (False, True)


@pytest.fixture
def _threads_take_turns_often() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_threads_take_turns_often")
@pytest.mark.parametrize("up", [True, False], ids=["with redis", "alone"])
def test_many_threads_at_once_admit_exactly_the_burst(
    limiter: Limiter, redis: Redis, up: bool
) -> None:
    redis.up = up
    wide = Charge((Bucket("ada", Policy("user", rate=1.0, burst=800)),))
    together, counts = Barrier(8), list[int]()

    def spend() -> None:
        together.wait(30)
        counts.append(admitted(limiter, wide, of=200))

    threads = [Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sum(counts) == 800

"""What a client is told about its limits, and buckets of one process."""

import pytest

from gateway_proxy.core.allowance import Policy, Verdict
from gateway_proxy.core.decisions import Bucket, Decision
from gateway_proxy.core.localbuckets import LocalBuckets

POLICY = Policy("user", rate=25.0, burst=50)
SLOW = Policy("user", rate=0.5, burst=2)


def test_tells_the_policy_and_what_is_left() -> None:
    decision = Decision((Verdict(POLICY, allowed=True, tokens=49.4),))

    assert decision.headers() == {
        "ratelimit-policy": '"user";q=50;w=2',
        "ratelimit": '"user";r=49;t=1',
    }


def test_tells_a_refused_client_when_to_come_back() -> None:
    decision = Decision((Verdict(SLOW, allowed=False, tokens=0.25),))

    assert decision.headers() == {
        "ratelimit-policy": '"user";q=2;w=4',
        "ratelimit": '"user";r=0;t=4',
        "retry-after": "2",
    }


def test_never_tells_a_refused_client_to_come_back_at_once() -> None:
    assert Verdict(POLICY, allowed=False, tokens=0.99).retry_after == 1


def take(buckets: LocalBuckets, name: str, *, now: float) -> Verdict:
    """Take a token of one bucket, if it holds one."""
    (verdict,) = buckets.charge((Bucket(name, SLOW),), cost=1, now=now)
    return verdict


def empty(buckets: LocalBuckets, name: str) -> None:
    """Let a bucket hold nothing at the beginning of time."""
    nothing = Verdict(SLOW, allowed=False, tokens=0.0)
    buckets.remember((Bucket(name, SLOW),), (nothing,), now=0.0)


def test_a_local_bucket_lets_its_burst_through_and_no_more() -> None:
    buckets = LocalBuckets()

    verdicts = [take(buckets, "ada", now=0.0).allowed for _ in range(4)]

    assert verdicts == [True, True, False, False]


@pytest.mark.parametrize(("seconds", "allowed"), [(1.9, False), (2.0, True)])
def test_a_local_bucket_refills_at_its_rate(seconds: float, allowed: bool) -> None:
    buckets = LocalBuckets()
    empty(buckets, "ada")

    assert take(buckets, "ada", now=seconds).allowed is allowed


def test_a_local_bucket_never_holds_more_than_its_burst() -> None:
    buckets = LocalBuckets()
    empty(buckets, "ada")

    assert take(buckets, "ada", now=3600.0).tokens == 1.0


def test_local_buckets_make_room_by_forgetting_the_longest_unused() -> None:
    buckets = LocalBuckets(room=2)
    empty(buckets, "ada")
    empty(buckets, "grace")

    take(buckets, "ada", now=0.0)
    take(buckets, "mallory", now=0.0)

    assert not take(buckets, "ada", now=0.0).allowed
    assert take(buckets, "grace", now=0.0).allowed

"""What a client is told about its limits, and buckets of one process."""

import pytest

from gateway_proxy.core.allowance import Policy, Verdict
from gateway_proxy.core.localbuckets import LocalBuckets

POLICY = Policy("user", rate=25.0, burst=50)
SLOW = Policy("user", rate=0.5, burst=2)


def test_tells_the_policy_and_what_is_left() -> None:
    assert Verdict(POLICY, allowed=True, tokens=49.4).headers() == {
        "RateLimit-Policy": '"user";q=50;w=2',
        "RateLimit": '"user";r=49;t=1',
    }


def test_tells_a_refused_client_when_to_come_back() -> None:
    assert Verdict(SLOW, allowed=False, tokens=0.25).headers() == {
        "RateLimit-Policy": '"user";q=2;w=4',
        "RateLimit": '"user";r=0;t=4',
        "Retry-After": "2",
    }


def test_never_tells_a_refused_client_to_come_back_at_once() -> None:
    assert Verdict(POLICY, allowed=False, tokens=0.99).retry_after == 1


def test_a_local_bucket_lets_its_burst_through_and_no_more() -> None:
    buckets = LocalBuckets()

    verdicts = [buckets.take("ada", SLOW, now=0.0).allowed for _ in range(4)]

    assert verdicts == [True, True, False, False]


@pytest.mark.parametrize(("seconds", "allowed"), [(1.9, False), (2.0, True)])
def test_a_local_bucket_refills_at_its_rate(seconds: float, allowed: bool) -> None:
    buckets = LocalBuckets()
    buckets.remember("ada", 0.0, now=0.0)

    assert buckets.take("ada", SLOW, now=seconds).allowed is allowed


def test_a_local_bucket_never_holds_more_than_its_burst() -> None:
    buckets = LocalBuckets()
    buckets.remember("ada", 0.0, now=0.0)

    assert buckets.take("ada", SLOW, now=3600.0).tokens == 1.0


def test_local_buckets_make_room_by_forgetting_the_longest_unused() -> None:
    buckets = LocalBuckets(room=2)
    buckets.remember("ada", 0.0, now=0.0)
    buckets.remember("grace", 0.0, now=0.0)

    buckets.take("ada", SLOW, now=0.0)
    buckets.take("mallory", SLOW, now=0.0)

    assert not buckets.take("ada", SLOW, now=0.0).allowed
    assert buckets.take("grace", SLOW, now=0.0).allowed

"""What is revoked: told once, known to every gateway, kept over an outage of Redis."""

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from threading import enumerate as threads
from uuid import uuid4

import pytest
from pytest_django import Settings
from redis import Redis

from gateway_proxy.blocking import run
from gateway_proxy.blocking.limits import open_limits
from opencore.claims import AccessClaims
from opencore.revocations import (
    Revocations,
    RevocationsUnavailable,
    revoke,
    revoke_key,
    revoke_session,
    revoke_user,
)
from opencore.revoked import (
    GOOD_SINCE,
    NEWS,
    REVOKED,
    KnownRevocations,
    Revocation,
    session_member,
)
from tests.gateway_proxy.charges import claims_of, of_ada
from tests.gateway_proxy.redis_server import RedisServer

Tell = Callable[[AccessClaims], None]


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def revoke_its_session(claims: AccessClaims) -> None:
    revoke_session(claims.session_id, until=in_an_hour())


def revoke_its_user(claims: AccessClaims) -> None:
    revoke_user(
        claims.user_id,
        issued_before=claims.issued_at + timedelta(seconds=0.5),
        until=in_an_hour(),
    )


def revoke_its_key(claims: AccessClaims) -> None:
    revoke_key(claims.key_id)


EACH = pytest.mark.parametrize(
    "tell",
    [revoke_its_session, revoke_its_user, revoke_its_key],
    ids=["session", "user", "key"],
)


@pytest.fixture
def redis(settings: Settings, redis_server: RedisServer) -> Iterator[Redis]:
    """A plain client of the empty Redis that everybody here is told to use."""
    settings.REDIS_URL = redis_server.url
    settings.REDIS_TIMEOUT = 10
    with redis_server.client() as client:
        yield client


@pytest.fixture
def heard(redis: Redis, redis_server: RedisServer) -> Iterator[Revocations]:
    """What a process has heard of, which looks when it is told to."""
    revocations = Revocations(redis_server.url)
    yield revocations
    revocations.close()


@EACH
def test_a_gateway_refuses_what_is_revoked_at_once(
    redis: Redis, redis_server: RedisServer, tell: Tell
) -> None:
    claims = claims_of()
    limits = open_limits(url=redis_server.url, timeout=10, processes=1)
    charge = replace(of_ada(), claims=claims)
    assert run(limits.decide(charge)).allowed

    tell(claims)

    assert run(limits.decide(charge)).revoked
    assert run(limits.decide(replace(of_ada(), claims=later_of(claims)))).allowed
    run(limits.close())


def later_of(claims: AccessClaims) -> AccessClaims:
    """Return a token of the same user, but the next second, session and key."""
    return replace(
        claims,
        session_id=uuid4(),
        issued_at=claims.issued_at + timedelta(seconds=1),
        key_id="key-of-tomorrow",
    )


@EACH
def test_a_process_hears_what_is_revoked(heard: Revocations, tell: Tell) -> None:
    claims = claims_of()
    assert heard.refresh()
    assert not heard.include(claims)

    tell(claims)

    assert heard.refresh()
    assert heard.include(claims)
    assert not heard.include(later_of(claims))


def test_what_an_emptied_redis_forgot_is_still_known_and_news_are_heard(
    redis: Redis, heard: Revocations
) -> None:
    before, after = claims_of(), claims_of()
    revoke_its_session(before)
    heard.refresh()

    redis.flushall()
    heard.refresh()
    revoke_its_session(after)
    heard.refresh()

    assert heard.include(before)
    assert heard.include(after)


def test_a_process_forgets_a_revocation_whose_time_is_over() -> None:
    claims = claims_of()
    known = KnownRevocations()
    known.add([Revocation(session_member(claims.session_id), until=60.0)], now=0.0)

    assert known.include(claims, now=59.0)
    assert not known.include(claims, now=60.0)

    known.add([], now=60.0)

    assert known._known == {}


def test_redis_forgets_revocations_whose_time_is_over(redis: Redis) -> None:
    ada = uuid4()
    redis.zadd(REVOKED, {f"u:{ada}": 1.0})
    redis.hset(GOOD_SINCE, f"u:{ada}", "1")
    redis.zadd(NEWS, {f"u:{ada}": 1})

    assert revoke([]) == 0

    assert redis.keys() == []


def test_what_is_revoked_already_is_no_news(redis: Redis) -> None:
    claims = claims_of()
    revocation = Revocation(session_member(claims.session_id), in_an_hour().timestamp())
    assert revoke([revocation]) == 1
    news = redis.zrange(NEWS, 0, -1, withscores=True)

    assert revoke([revocation]) == 0

    assert redis.zrange(NEWS, 0, -1, withscores=True) == news


def test_a_revocation_never_gets_shorter(redis: Redis) -> None:
    late = in_an_hour().timestamp()
    member = session_member(uuid4())
    revoke([Revocation(member, late)])

    assert revoke([Revocation(member, late - 60)]) == 0
    revoke([Revocation(member, late - 60, good_since=1.0)])

    assert redis.zscore(REVOKED, member) == late


def test_the_later_of_two_moments_counts_for_a_user(
    redis: Redis, heard: Revocations
) -> None:
    claims = claims_of()
    for seconds in (10, 5):
        revoke_user(
            claims.user_id,
            issued_before=claims.issued_at + timedelta(seconds=seconds),
            until=in_an_hour(),
        )
    heard.refresh()

    issued = [claims.issued_at + timedelta(seconds=seconds) for seconds in (10, 11)]
    bad = [heard.include(replace(claims, issued_at=moment)) for moment in issued]
    assert bad == [True, False]


def test_a_key_is_revoked_for_ever(redis: Redis) -> None:
    revoke_key("stolen-key")

    assert redis.zscore(REVOKED, "k:stolen-key") == math.inf


def test_without_redis_a_revocation_is_told_to_nobody_and_says_so(
    settings: Settings, mortal_redis: RedisServer
) -> None:
    settings.REDIS_URL = mortal_redis.url
    heard = Revocations(mortal_redis.url)
    mortal_redis.kill()

    with pytest.raises(RevocationsUnavailable):
        revoke_key("stolen-key")
    assert not heard.refresh()
    heard.close()


def test_a_process_that_watches_hears_by_itself(heard: Revocations) -> None:
    claims = claims_of()
    heard.watch()

    revoke_its_session(claims)

    wait_until(lambda: heard.include(claims))


def test_a_process_has_one_watcher_which_ends_when_it_is_told_to(
    heard: Revocations,
) -> None:
    before = set(threads())

    heard.watch()
    heard.watch()

    (watcher,) = set(threads()) - before
    heard.close()
    watcher.join(20)
    assert not watcher.is_alive()


def test_a_forked_process_watches_for_itself(
    heard: Revocations, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(threads())
    heard.watch()

    monkeypatch.setattr(os, "getpid", lambda: 1)
    heard.watch()
    heard.watch()

    assert len(set(threads()) - before) == 2


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for something that a thread will do."""
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        Event().wait(0.02)

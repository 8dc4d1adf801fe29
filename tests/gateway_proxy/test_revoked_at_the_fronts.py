"""Whose session is revoked gets through neither front, with Redis or without."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from accounts.services import find_or_create_user
from gateway_proxy.blocking import run
from gateway_proxy.front import current_gateway
from opencore.revocations import revoke_session
from opencore.tokens import mint_access
from tests.accounts.browser import browser_of
from tests.gateway_proxy.conformance import Asked, Front, LoopFront, Said, ViewFront
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.service import Service

GONE = (401, "session_revoked")


@pytest.fixture(params=["threads", "event loop"])
def front(
    request: pytest.FixtureRequest,
    settings: Settings,
    mortal_redis: RedisServer,
    service: Service,
    table_of_settings: None,
) -> Iterator[Front]:
    """A front with a Redis that may be killed."""
    settings.REDIS_URL = mortal_redis.url
    settings.REDIS_TIMEOUT = 10
    settings.GATEWAY_UPSTREAMS = {"billing": service.url}
    loop = LoopFront()
    fronts: dict[str, Front] = {"threads": ViewFront(), "event loop": loop}
    yield fronts[request.param]
    loop.close()
    run(current_gateway().close())


def ask(front: Front, session_id: UUID) -> Said:
    """Ask as somebody in a session."""
    token = mint_access(
        user_id=uuid4(), session_id=session_id, role="user", now=datetime.now(UTC)
    )
    return ask_with(front, token)


def ask_with(front: Front, token: str) -> Said:
    """Ask with an access token."""
    return front.ask(Asked(headers=(("authorization", f"Bearer {token}"),)))


def problem(said: Said) -> tuple[int, str]:
    return said.status, json.loads(said.body)["code"]


def revoke(session_id: UUID) -> None:
    revoke_session(session_id, until=datetime.now(UTC) + timedelta(hours=1))


def test_a_session_is_of_no_use_once_it_is_revoked(
    front: Front, service: Service
) -> None:
    session_id = uuid4()
    assert ask(front, session_id).status == 200
    service.received.clear()

    revoke(session_id)

    assert problem(ask(front, session_id)) == GONE
    assert service.received == []
    assert ask(front, uuid4()).status == 200


@pytest.mark.django_db(transaction=True)
def test_a_device_that_its_person_signs_out_is_locked_out_with_its_next_request(
    front: Front,
) -> None:
    ada = find_or_create_user(email="ada@example.com", actor_id=None)
    laptop, phone = browser_of(ada), browser_of(ada)
    assert ask_with(front, phone.tokens.access_token).status == 200

    signed_out = laptop.ask("DELETE", f"/v1/users/me/sessions/{phone.session_id}")

    assert signed_out.status_code == 204
    assert problem(ask_with(front, phone.tokens.access_token)) == GONE
    assert ask_with(front, laptop.tokens.access_token).status == 200


def test_a_revoked_session_stays_so_while_redis_is_away(
    front: Front, service: Service, mortal_redis: RedisServer
) -> None:
    session_id = uuid4()
    assert ask(front, uuid4()).status == 200
    revoke(session_id)
    # Nobody else asks now, so whoever does is looking for news.
    asked = decisions_of(mortal_redis)
    wait_until(lambda: decisions_of(mortal_redis) >= asked + 2)

    mortal_redis.kill()

    assert problem(ask(front, session_id)) == GONE
    assert ask(front, uuid4()).status == 200


def decisions_of(redis: RedisServer) -> int:
    """Return how many scripts were run."""
    with redis.client() as client:
        return int(client.info("commandstats")["cmdstat_evalsha"]["calls"])


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait for something that a thread will do."""
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        Event().wait(0.05)

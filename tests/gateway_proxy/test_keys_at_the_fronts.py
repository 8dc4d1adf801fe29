"""Programs with API keys get through both fronts where a route takes keys."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from accounts.services import (
    create_organization,
    find_or_create_user,
    revoke_api_key,
    suspend_organization,
)
from gateway_proxy import keys as gateway_keys
from gateway_proxy import watching
from gateway_proxy.blocking import run
from gateway_proxy.core.table import RouteTable
from gateway_proxy.defaults import default_table
from gateway_proxy.front import current_gateway
from opencore.api_keys import new_key_text
from opencore.claims import KeyClaims
from opencore.revocations import revoke, revoke_user
from opencore.revoked import of_api_key
from opencore.telemetry import ACCESS_LOG
from opencore.tokens import TokenInvalid, read_internal, read_internal_key
from tests.accounts.programs import key_for, robot_of, stored
from tests.gateway_proxy import finding
from tests.gateway_proxy.conformance import Asked, Front, LoopFront, Said, ViewFront
from tests.gateway_proxy.finding import Finder
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.service import Received, Service

INVALID = (401, "api_key_invalid")
Change = Callable[..., None]


@dataclass
class Clock:
    """Time, that a test may let pass."""

    passed: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.passed


@pytest.fixture
def finder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Finder:
    """Who is asked about keys, without a database."""
    fresh = Finder()
    monkeypatch.setattr(finding, "finder", fresh)
    settings.API_KEY_FINDER = "tests.gateway_proxy.finding.find"
    return fresh


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which keys are remembered."""
    clock, real = Clock(), gateway_keys.RememberedKeys

    def remembered(find: Any) -> gateway_keys.RememberedKeys:  # noqa: ANN401 -- as the class takes it
        return real(find, clock=clock)

    monkeypatch.setattr(gateway_keys, "RememberedKeys", remembered)
    return clock


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> Change:
    """Change what all routes say."""

    def change(**changes: object) -> None:
        def table() -> RouteTable:
            plain = default_table()
            routes = [replace(route, **changes) for route in plain.routes]  # type: ignore[arg-type]  # -- as each test says
            return replace(plain, routes=tuple(routes))

        monkeypatch.setattr(watching, "current_table", table)

    return change


@pytest.fixture(params=["threads", "event loop"])
def front(
    request: pytest.FixtureRequest,
    settings: Settings,
    mortal_redis: RedisServer,
    service: Service,
    clock: Clock,
    table_of_settings: None,
    routes: Change,
) -> Iterator[Front]:
    """A front that takes keys for /billing, and has a Redis that may be killed."""
    settings.REDIS_URL = mortal_redis.url
    settings.REDIS_TIMEOUT = 10
    settings.GATEWAY_UPSTREAMS = {"billing": service.url}
    routes(api_keys=True)
    loop = LoopFront()
    fronts: dict[str, Front] = {"threads": ViewFront(), "event loop": loop}
    yield fronts[request.param]
    loop.close()
    run(current_gateway().close())


def ask(front: Front, text: str, **more: Any) -> Said:
    """Ask with a key."""
    headers = (("authorization", f"Bearer {text}"), *more.pop("headers", ()))
    return front.ask(Asked(headers=headers, **more))


def problem(said: Said) -> tuple[int, str]:
    return said.status, json.loads(said.body)["code"]


def received(service: Service) -> Received:
    """Return what the upstream got, which was asked once."""
    (one,) = service.received
    service.received.clear()
    return one


def test_an_upstream_is_told_which_key_asks_and_what_it_allows(
    front: Front, finder: Finder, service: Service
) -> None:
    text, key = finder.make()
    forged = (
        *(("x-org-id", "forged"), ("x-opencore-key-id", "forged")),
        *(("x-opencore-scopes", "org.delete"), ("x-user-id", "forged")),
    )

    said = ask(front, text, headers=forged)

    assert said.status == 200
    told = received(service)
    assert told.values("X-Org-Id") == [str(key.organization_id)]
    assert told.values("X-OpenCore-Key-Id") == [str(key.key_id)]
    assert told.values("X-OpenCore-Scopes") == ["members.read org.read"]
    assert told.values("X-OpenCore-Service-Account-Id") == [str(key.service_account_id)]
    for name in ("X-User-Id", "X-User-Role", "X-Session-Id", "X-OpenCore-Key-User-Id"):
        assert told.values(name) == []


def test_a_members_own_key_is_no_session_of_theirs(
    front: Front, finder: Finder, service: Service
) -> None:
    ada = uuid4()
    text, _ = finder.make(service_account_id=None, user_id=ada)

    assert ask(front, text).status == 200

    told = received(service)
    assert told.values("X-OpenCore-Key-User-Id") == [str(ada)]
    assert (
        told.values("X-User-Id") == told.values("X-OpenCore-Service-Account-Id") == []
    )


def test_an_upstream_that_is_told_by_a_token_does_not_get_the_key(
    front: Front, finder: Finder, service: Service, settings: Settings, routes: Change
) -> None:
    settings.JWT_INTERNAL_SIGNING_KEY = "k" * 48
    routes(api_keys=True, identity="token")
    text, key = finder.make(expires_at=datetime.now(UTC) + timedelta(seconds=30))

    assert ask(front, text).status == 200

    told = received(service)
    assert told.values("Authorization") == []
    (token,) = told.values("X-OpenCore-Identity")
    claims = read_internal_key(token, "/billing")
    assert replace(claims, issued_at=key.issued_at, expires_at=key.expires_at) == key
    assert claims.expires_at is not None
    assert key.expires_at is not None
    assert claims.expires_at <= key.expires_at
    # Who knows people alone does not take it for one.
    with pytest.raises(TokenInvalid):
        read_internal(token, "/billing")


def test_a_route_that_is_for_people_takes_no_key(
    front: Front, finder: Finder, service: Service, routes: Change
) -> None:
    routes(api_keys=False)
    text, _ = finder.make()

    assert problem(ask(front, text)) == (403, "api_key_not_taken")
    assert (finder.asked, service.received) == ([], [])


def test_a_gateway_without_a_database_says_that_it_knows_no_keys(
    front: Front, finder: Finder, settings: Settings
) -> None:
    settings.GATEWAY_ALONE = True
    text, _ = finder.make()

    assert problem(ask(front, text)) == (403, "api_key_not_taken")
    assert finder.asked == []


def test_what_can_be_no_key_is_not_looked_for(front: Front, finder: Finder) -> None:
    misspelled = new_key_text().text[:-1] + "-"

    assert [problem(ask(front, text)) for text in ("ock_", "ock_x_y", misspelled)] == [
        INVALID
    ] * 3
    assert finder.asked == []


def test_a_key_that_nobody_has_is_refused_and_looked_for_each_time(
    front: Front, finder: Finder, service: Service
) -> None:
    text = new_key_text().text

    assert [problem(ask(front, text)) for _ in range(2)] == [INVALID, INVALID]
    assert (len(finder.asked), service.received) == (2, [])


def test_a_key_is_looked_up_once_in_ten_seconds(
    front: Front, finder: Finder, clock: Clock
) -> None:
    text, _ = finder.make()

    assert [ask(front, text).status for _ in range(3)] == [200] * 3
    assert len(finder.asked) == 1
    clock.passed = 10.0
    assert ask(front, text).status == 200
    assert len(finder.asked) == 2


def test_a_remembered_key_ends_in_its_time(front: Front, finder: Finder) -> None:
    ends = datetime.now(UTC) + timedelta(seconds=1)
    text, _ = finder.make(expires_at=ends)
    assert ask(front, text).status == 200

    while datetime.now(UTC) <= ends:
        Event().wait(0.05)

    assert problem(ask(front, text)) == INVALID


def test_a_remembered_key_is_good_from_its_networks_alone(
    front: Front, finder: Finder, settings: Settings
) -> None:
    text, _ = finder.make(networks=("127.0.0.0/8", "2001:db8::/32"))
    assert ask(front, text).status == 200

    assert ask(front, text, peer="2001:db8::7").status == 200
    assert problem(ask(front, text, peer="192.0.2.7")) == INVALID


def test_a_forged_sender_does_not_bring_a_key_into_its_network(
    front: Front, finder: Finder
) -> None:
    text, _ = finder.make(networks=("198.51.100.0/24",))
    forged = (("x-forwarded-for", "198.51.100.7"),)

    assert problem(ask(front, text, headers=forged)) == INVALID


def test_a_revoked_key_is_refused_with_the_next_request_though_it_is_remembered(
    front: Front, finder: Finder, service: Service
) -> None:
    text, key = finder.make()
    assert ask(front, text).status == 200
    service.received.clear()

    revoke([of_api_key(key.key_id, until=datetime.now(UTC) + timedelta(hours=1))])

    assert problem(ask(front, text)) == INVALID
    assert (len(finder.asked), service.received) == (1, [])
    assert ask(front, finder.make()[0]).status == 200


def test_whose_person_is_gone_has_no_remembered_key(
    front: Front, finder: Finder
) -> None:
    ada, now = uuid4(), datetime.now(UTC)
    text, _ = finder.make(service_account_id=None, user_id=ada)
    assert ask(front, text).status == 200

    revoke_user(
        ada, issued_before=now + timedelta(seconds=1), until=now.replace(year=2099)
    )

    assert problem(ask(front, text)) == INVALID


def test_a_revoked_key_stays_so_while_redis_is_away(
    front: Front, finder: Finder, mortal_redis: RedisServer
) -> None:
    text, key = finder.make()
    assert ask(front, text).status == 200
    revoke([of_api_key(key.key_id, until=datetime.now(UTC) + timedelta(hours=1))])
    asked = decisions_of(mortal_redis)
    wait_until(lambda: decisions_of(mortal_redis) >= asked + 2)

    mortal_redis.kill()

    assert problem(ask(front, text)) == INVALID
    assert ask(front, finder.make()[0]).status == 200


def test_without_postgresql_a_remembered_key_goes_on_and_no_other(
    front: Front, finder: Finder, clock: Clock
) -> None:
    text, other = finder.make()[0], finder.make()[0]
    assert ask(front, text).status == 200

    finder.away = True

    assert ask(front, text).status == 200
    for said in (ask(front, other), _later(front, text, clock)):
        assert problem(said) == (503, "database_unavailable")
        assert int(said.header("retry-after") or 0) > 0


def _later(front: Front, text: str, clock: Clock) -> Said:
    clock.passed = 10.0
    return ask(front, text)


def test_each_key_has_a_bucket_and_all_of_an_organization_share_one(
    front: Front, finder: Finder, settings: Settings
) -> None:
    settings.GATEWAY_RATE, settings.GATEWAY_BURST = 0.001, 2
    acme = uuid4()

    def asked_with(text: str, host: int) -> Said:
        return ask(front, text, peer=f"192.0.2.{host}")

    keys = [finder.make(organization_id=acme)[0] for _ in range(5)]
    assert [asked_with(keys[0], 1).status for _ in range(3)] == [200, 200, 429]
    # Of the organization's eight there are six left, and two for each key.
    spent = [
        asked_with(key, 2 + n).status for n, key in enumerate(keys[1:]) for _ in "ab"
    ]
    assert spent == [200] * 6 + [429] * 2
    other = finder.make()[0]
    assert asked_with(other, 9).status == 200


def test_looking_for_keys_is_not_for_free(
    front: Front, finder: Finder, settings: Settings
) -> None:
    settings.GATEWAY_RATE, settings.GATEWAY_BURST = 0.001, 2

    codes = [problem(ask(front, new_key_text().text)) for _ in range(4)]

    assert codes == [INVALID, INVALID, (429, "rate_limited"), (429, "rate_limited")]
    assert len(finder.asked) == 2


def test_trying_a_remembered_key_elsewhere_is_not_for_free(
    front: Front, finder: Finder, settings: Settings
) -> None:
    settings.GATEWAY_RATE, settings.GATEWAY_BURST = 0.001, 2
    text, _ = finder.make(networks=("127.0.0.0/8",))
    assert ask(front, text).status == 200

    codes = [problem(ask(front, text, peer="192.0.2.7")) for _ in range(3)]

    assert codes == [INVALID, INVALID, (429, "rate_limited")]


def test_the_log_names_the_key_and_never_its_text(
    front: Front, finder: Finder, caplog: pytest.LogCaptureFixture
) -> None:
    text, key = finder.make()
    caplog.set_level(logging.INFO, ACCESS_LOG)

    ask(front, text)
    ask(front, new_key_text().text)

    first, second = (vars(one) for one in caplog.records if one.name == ACCESS_LOG)
    assert (first["key_id"], first["user_id"]) == (str(key.key_id), None)
    assert (second["key_id"], second["refusal"]) == (None, "api_key_invalid")
    said = repr([vars(one) for one in caplog.records])
    assert text.rpartition("_")[2] not in said


@pytest.fixture
def grace() -> User:
    return find_or_create_user(email="grace@example.com", actor_id=None)


def at(organization_id: UUID) -> str:
    return f"/orgs/{organization_id}"


@pytest.mark.django_db(transaction=True)
def test_a_real_key_reaches_the_api_until_it_is_revoked(
    front: Front, grace: User
) -> None:
    acme = create_organization(name="Acme", actor_id=grace.id)
    made = key_for(acme, grace, robot_of(acme, grace, Role.VIEWER))

    said = ask(front, made.text, target=at(acme.id))
    refused = ask(front, made.text, target=f"{at(acme.id)}/audit-events")
    used_at = stored(made.key.id).last_used_at
    revoke_api_key(
        organization_id=acme.id,
        key_id=made.key.id,
        actor_id=grace.id,
        now=timezone.now(),
    )
    after = ask(front, made.text, target=at(acme.id))

    assert (said.status, json.loads(said.body)["id"]) == (200, str(acme.id))
    assert problem(refused) == (403, "forbidden")
    assert used_at is not None
    assert problem(after) == INVALID


@pytest.mark.django_db(transaction=True)
def test_an_upstream_hears_of_what_key_and_role_both_allow_now(
    front: Front, grace: User, service: Service, clock: Clock
) -> None:
    acme = create_organization(name="Acme", actor_id=grace.id)
    robot = robot_of(acme, grace, Role.MEMBER)
    scopes = ("org.read", "members.read", "audit.read", "usage.write")
    text = key_for(acme, grace, robot, scopes=scopes).text

    def allowed() -> list[str]:
        assert ask(front, text).status == 200
        return received(service).values("X-OpenCore-Scopes")

    assert allowed() == ["members.read org.read"]
    robot.role = Role.DEVELOPER
    robot.save()
    clock.passed = 10.0
    assert allowed() == ["members.read org.read usage.write"]
    suspend_organization(
        organization_id=acme.id,
        reason="unpaid",
        actor_id=grace.id,
        now=timezone.now(),
    )
    clock.passed = 20.0
    assert allowed() == ["members.read org.read"]


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


def test_what_is_known_of_a_key_tells_when_it_is_good() -> None:
    now = datetime.now(UTC)
    key: KeyClaims = finding.program()

    assert key.admits("unknown", now=now)
    assert not replace(key, expires_at=now).admits("192.0.2.1", now=now)
    assert not replace(key, networks=("192.0.2.0/24",)).admits("unknown", now=now)

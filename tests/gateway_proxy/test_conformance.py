"""All fronts answer each case alike: status, headers, body, and what went upstream."""

import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from gateway_proxy import watching
from gateway_proxy.core.messages import METHODS, SAFE_METHODS
from gateway_proxy.defaults import default_table
from opencore.api_keys import new_key_text
from opencore.telemetry import ACCESS_LOG
from opencore.tokens import mint_access, read_access, read_internal
from tests.api import Proof
from tests.gateway_proxy import finding
from tests.gateway_proxy import service as services
from tests.gateway_proxy.conformance import (
    Asked,
    Front,
    LoopFront,
    Said,
    ViewFront,
    WireFront,
)
from tests.gateway_proxy.conftest import bearer_of
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.service import Service
from tests.gateway_proxy.test_targets import TRICKS
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("gateway")

# They differ from one answer to the next, and a view can't end a connection.
LOGGED = (
    *("method", "route", "status", "bytes", "user_id", "key_id", "upstream", "limited"),
    "refusal",
)
OWN = {"connection", "date", "x-request-id"}
# New in each request, or always sent by Django's test client.
NOT_COMPARED = {"x-request-id", "traceparent"}
NO_COOKIE = ("cookie", "")


@pytest.fixture
def fronts(gateway: Settings) -> Iterator[dict[str, Front]]:
    """All fronts under the same settings, made when they are first asked."""
    loop, wire = LoopFront(), WireFront()
    yield {"view": ViewFront(), "loop": loop, "wire": wire}
    loop.close()
    wire.close()


@pytest.fixture(autouse=True)
def _waits_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the spread of Retry-After be none."""
    monkeypatch.setattr(random, "randint", max)


@pytest.fixture
def ask_both(
    fronts: dict[str, Front], service: Service, redis_server: RedisServer
) -> Callable[[Asked], Said]:
    """Put a request to all fronts, compare, and return what they said."""

    def ask(asked: Asked) -> Said:
        said, received = {}, {}
        for name, front in fronts.items():
            with redis_server.client() as client:
                client.flushdb()
            service.received.clear()
            said[name] = front.ask(asked)
            received[name] = [
                (one.method, one.target, _without_ids(one.headers), one.body)
                for one in service.received
            ]
        for name, front in fronts.items():
            assert received["loop"] == received[name]
            if isinstance(front, WireFront) and front.refused:
                assert said["loop"].status == said[name].status == 400
            else:
                assert _comparable(said["loop"]) == _comparable(said[name])
        return said["loop"]

    return ask


def _without_ids(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    lower = [(name.lower(), value) for name, value in headers]
    assert [name for name, _ in lower if name in NOT_COMPARED] != []
    return sorted(
        (name, value)
        for name, value in lower
        if name not in NOT_COMPARED and (name, value) != NO_COOKIE
    )


def _comparable(said: Said) -> tuple[int, list[tuple[str, str]], object]:
    lines: dict[str, list[str]] = {}
    for name, value in said.headers:
        if name not in OWN:
            lines.setdefault(name, []).append(value)
    # Servers add it where it is missing.
    lines.setdefault("content-length", [str(len(said.body))])
    headers = sorted((name, ", ".join(values)) for name, values in lines.items())
    return said.status, headers, _body_of(said)


def _body_of(said: Said) -> object:
    if said.header("content-type") != "application/problem+json":
        return said.body
    members = json.loads(said.body)
    assert re.fullmatch("[0-9a-f-]{36}|given-request-id", members.pop("request_id"))
    members.pop("instance", None)
    return members


def code_of(said: Said) -> str:
    """Return a problem's code."""
    code: str = json.loads(said.body)["code"]
    return code


@pytest.fixture
def signed_in() -> tuple[tuple[str, str], ...]:
    """The headers of somebody's request."""
    return (("authorization", bearer_of(uuid4())["Authorization"]),)


@pytest.mark.parametrize("method", METHODS)
def test_each_method_passes(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
    method: str,
) -> None:
    said = ask_both(Asked(method, "/billing/x?a=%2a&b=c", signed_in))

    assert said.status == 200
    assert said.header("ratelimit") == '"user";r=49;t=1, "network";r=199;t=1'
    assert service.received[0].target == "/v1/billing/x?a=%2a&b=c"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", ()),
        (b"{}", (("content-type", "application/json"),)),
        (b"x" * 70_000, (("content-type", "text/plain"),)),
    ],
    ids=["none", "small", "large"],
)
def test_bodies_arrive_whole(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
    body: bytes,
    kind: tuple[tuple[str, str], ...],
) -> None:
    said = ask_both(Asked("POST", "/billing/x", (*signed_in, *kind), body))

    assert said.status == 200
    assert service.received[0].body == body


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (Asked(method="TRACE"), 405, "method_not_allowed"),
        (Asked(method="PROPFIND"), 405, "method_not_allowed"),
        (Asked(target="/billing"), 401, "unauthenticated"),
        (Asked(headers=(("authorization", "Bearer x.y.z"),)), 401, "token_invalid"),
        (Asked(headers=(("authorization", "Basic eDp5"),)), 401, "unauthenticated"),
        (Asked(headers=(("x-large", "x" * 33_000),)), 431, "headers_too_large"),
        (
            Asked(headers=tuple((f"x-many-{n}", "1") for n in range(101))),
            431,
            "headers_too_large",
        ),
        (Asked(target="/billing?" + "q" * 9000), 414, "uri_too_long"),
        (Asked("POST", body=b"x" * 1_100_000), 413, "payload_too_large"),
        (Asked(target="/nowhere"), 404, "not_found"),
        (Asked(target="/billingx"), 404, "not_found"),
        (Asked(host="evil.test"), 400, "bad_request"),
        (Asked(headers=(("transfer-encoding", "gzip"),)), 400, "malformed_request"),
        (Asked(headers=(("x-control", "a\x01b"),)), 400, "malformed_request"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_refusals_are_the_same(
    ask_both: Callable[[Asked], Said],
    service: Service,
    asked: Asked,
    status: int,
    code: str,
) -> None:
    said = ask_both(asked)

    assert (said.status, code_of(said)) == (status, code)
    assert service.received == []


@pytest.mark.parametrize(
    "path",
    [
        path.replace("/auth", "/billing", 1)
        for path in TRICKS.values()
        if path.isascii()
    ],
)
def test_tricks_with_the_path_are_refused_alike(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
    path: str,
) -> None:
    said = ask_both(Asked(target=path, headers=signed_in))

    assert said.status in {400, 404}
    assert service.received == []


@pytest.mark.parametrize(
    ("misbehave", "status", "code"),
    [
        (services.cut_before_the_answer, 502, "upstream_failed"),
        (services.cut_within_the_answer, 502, "upstream_failed"),
        (services.talk_no_http, 502, "upstream_failed"),
        (services.promise_too_much, 502, "upstream_failed"),
    ],
)
def test_an_upstreams_faults_are_the_same_problems(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
    misbehave: Callable[[services.Handler], None],
    status: int,
    code: str,
) -> None:
    service.misbehave = misbehave

    said = ask_both(Asked("POST", headers=signed_in))

    assert (said.status, code_of(said)) == (status, code)


def test_an_upstream_that_is_away_is_the_same_problem(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    gateway: Settings,
) -> None:
    gateway.GATEWAY_UPSTREAMS = {"billing": f"http://127.0.0.1:{free_port()}"}

    said = ask_both(Asked(headers=signed_in))

    assert (said.status, code_of(said)) == (502, "upstream_unavailable")


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (500, [("Content-Type", "text/html"), ("Server", "x")], b"<h1>broken</h1>"),
        (404, [("Content-Type", "text/plain"), ("Allow", "PUT")], b"nothing"),
        (204, [("X-Own", "1"), ("Connection", "X-Own")], b""),
        (304, [("ETag", '"1"')], b""),
        (303, [("Location", "http://elsewhere.test/")], b""),
        (200, [("Set-Cookie", "a=1; Path=/x"), ("Set-Cookie", "a=2; Odd")], b"{}"),
        (
            200,
            [("Vary", "Accept"), ("Vary", "Origin"), ("X-Frame-Options", "SAMEORIGIN")],
            b"{}",
        ),
    ],
)
def test_an_upstreams_answer_passes_alike(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
    status: int,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    service.status, service.headers, service.body = status, headers, body

    said = ask_both(Asked(headers=signed_in))

    assert (said.status, said.body) == (status, body)
    assert said.header("server") is None


def test_headers_a_client_may_not_send_are_dropped_alike(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
) -> None:
    forged = (
        ("x-user-id", "root"),
        ("x-forwarded-for", "10.9.9.9"),
        ("forwarded", "for=10.9.9.9"),
        ("connection", "x-user-id, x-secret, close"),
        ("x-secret", "1"),
        ("te", "trailers"),
        ("x-kept", "2"),
    )

    ask_both(Asked(headers=(*signed_in, *forged)))

    (received,) = service.received
    assert received.values("X-Kept") == ["2"]
    assert received.values("X-Secret") == []
    assert received.values("X-Forwarded-For") == ["127.0.0.1"]


def test_a_proxy_that_is_trusted_names_the_client_alike(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
    gateway: Settings,
) -> None:
    gateway.TRUSTED_PROXIES = ["127.0.0.0/8"]

    ask_both(Asked(headers=(*signed_in, ("x-forwarded-for", "1.1.1.1, 2.2.2.2"))))

    assert service.received[0].values("X-Forwarded-For") == ["2.2.2.2"]


def test_a_clients_request_id_is_kept_alike(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
) -> None:
    said = ask_both(Asked(headers=(*signed_in, ("x-request-id", "given-request-id"))))

    assert said.header("x-request-id") == "given-request-id"
    assert service.received[0].values("X-Request-Id") == ["given-request-id"]


def test_limits_are_told_alike(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    fronts: dict[str, Front],
    gateway: Settings,
) -> None:
    gateway.GATEWAY_BURST, gateway.GATEWAY_RATE = 1, 0.01
    asked = Asked(headers=signed_in)
    ask_both(asked)

    refused = [fronts["loop"].ask(asked), fronts["view"].ask(asked)]

    assert _comparable(refused[0]) == _comparable(refused[1])
    assert (refused[0].status, code_of(refused[0])) == (429, "rate_limited")
    assert refused[0].header("retry-after") == "100"


def test_limits_are_told_in_the_old_way_too_if_that_is_wanted(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    gateway: Settings,
) -> None:
    gateway.GATEWAY_LEGACY_LIMIT_HEADERS = True

    said = ask_both(Asked(headers=signed_in))

    # Of one request each, the user's own bucket is emptier for its size.
    old = ("limit", "remaining", "reset")
    assert [said.header(f"x-ratelimit-{name}") for name in old] == ["50", "49", "1"]


@pytest.mark.parametrize(
    ("target", "code"),
    [("/billing/secret?a=secret", None), ("/billing/%00", "malformed_request")],
)
def test_the_log_and_the_counts_say_the_same(
    fronts: dict[str, Front],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
    caplog: pytest.LogCaptureFixture,
    target: str,
    code: str | None,
) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOG)
    asked = Asked("GET", target, signed_in)

    said = [fronts[name].ask(asked) for name in ("view", "loop")]

    view, loop = (
        {name: vars(line)[name] for name in LOGGED}
        for line in caplog.records
        if line.name == ACCESS_LOG
    )
    assert view == loop
    assert view["route"] == ("/billing" if code is None else None)
    assert view["refusal"] == code
    assert view["bytes"] == len(said[0].body)
    assert "secret" not in repr(view)


def test_an_upstream_is_told_who_asks_by_a_token_if_its_route_says_so(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    service: Service,
    gateway: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway.JWT_INTERNAL_SIGNING_KEY = "k" * 48
    plain = default_table()
    routes = tuple(replace(route, identity="token") for route in plain.routes)
    monkeypatch.setattr(
        watching, "current_table", lambda: replace(plain, routes=routes)
    )

    ask_both(Asked(headers=(*signed_in, ("x-opencore-identity", "forged"))))

    (received,) = service.received
    (token,) = received.values("X-OpenCore-Identity")
    claims = read_internal(token, "/billing")
    access = read_access(signed_in[0][1].removeprefix("Bearer "))
    assert (claims.user_id, claims.session_id) == (access.user_id, access.session_id)
    assert received.values("X-User-Id") == []


def acting(*, read_only: bool) -> str:
    """Return the header of staff who act as somebody."""
    token = mint_access(
        user_id=uuid4(),
        session_id=uuid4(),
        role="user",
        now=timezone.now(),
        proof=Proof(impersonator_id=uuid4(), read_only=read_only),
    )
    return f"Bearer {token}"


@pytest.mark.parametrize("method", METHODS)
def test_who_only_looks_as_somebody_changes_nothing_at_any_upstream(
    ask_both: Callable[[Asked], Said], service: Service, method: str
) -> None:
    header = ("authorization", acting(read_only=True))

    said = ask_both(Asked(method, "/billing/x", (header,)))

    if method in SAFE_METHODS:
        assert (said.status, len(service.received)) == (200, 1)
    else:
        assert (said.status, code_of(said)) == (403, "read_only_session")
        assert service.received == []


def test_an_upstream_is_told_by_a_token_too_who_acts_as_somebody(
    ask_both: Callable[[Asked], Said],
    service: Service,
    gateway: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway.JWT_INTERNAL_SIGNING_KEY = "k" * 48
    plain = default_table()
    routes = tuple(replace(route, identity="token") for route in plain.routes)
    monkeypatch.setattr(
        watching, "current_table", lambda: replace(plain, routes=routes)
    )
    bearer = acting(read_only=False)

    ask_both(Asked("POST", headers=(("authorization", bearer),)))

    (received,) = service.received
    (token,) = received.values("X-OpenCore-Identity")
    claims = read_internal(token, "/billing")
    access = read_access(bearer.removeprefix("Bearer "))
    assert claims.impersonator_id == access.impersonator_id


@pytest.mark.parametrize("identity", ["headers", "token"])
def test_programs_get_through_alike(
    ask_both: Callable[[Asked], Said],
    service: Service,
    gateway: Settings,
    monkeypatch: pytest.MonkeyPatch,
    identity: Literal["headers", "token"],
) -> None:
    finder = finding.Finder()
    monkeypatch.setattr(finding, "finder", finder)
    gateway.API_KEY_FINDER = "tests.gateway_proxy.finding.find"
    gateway.JWT_INTERNAL_SIGNING_KEY = "k" * 48
    plain = default_table()
    routes = tuple(
        replace(route, identity=identity, api_keys=route.prefix == "/billing")
        for route in plain.routes
    )
    monkeypatch.setattr(
        watching, "current_table", lambda: replace(plain, routes=routes)
    )
    # Both fronts then say one thing at one moment, and their tokens are the same.
    monkeypatch.setattr(time, "time", lambda: 1_900_000_000.0)

    def ask(text: str, target: str = "/billing") -> tuple[int, str | None]:
        headers = (
            ("authorization", f"Bearer {text}"),
            ("x-request-id", "given-request-id"),
        )
        said = ask_both(Asked(target=target, headers=headers))
        return said.status, None if said.status == 200 else code_of(said)

    text, _ = finder.make()
    other, _ = finder.make()
    assert ask(text) == (200, None)
    assert ask(new_key_text().text) == (401, "api_key_invalid")
    assert ask("ock_") == (401, "api_key_invalid")
    assert ask(text, "/users/me") == (403, "api_key_not_taken")
    finder.away = True
    assert ask(text) == (200, None)
    assert ask(other) == (503, "database_unavailable")


@pytest.mark.parametrize("target", ["/auth/x", "/users/me", "/orgs/7"])
def test_this_process_answers_alike_as_an_upstream(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    gateway: Settings,
    target: str,
) -> None:
    gateway.ROOT_URLCONF = "tests.gateway_proxy.urls"

    ask_both(Asked("GET", target, (*signed_in, ("x-request-id", "given-request-id"))))


@pytest.mark.parametrize("path", ["echo", "redirect", "stream", "cookies", "bug"])
def test_the_api_behind_it_answers_alike(
    ask_both: Callable[[Asked], Said],
    signed_in: tuple[tuple[str, str], ...],
    gateway: Settings,
    path: str,
) -> None:
    gateway.ROOT_URLCONF = "tests.gateway_proxy.urls"
    headers = (*signed_in, ("x-request-id", "given-request-id"))

    ask_both(Asked("GET", f"/orgs/{path}", headers))


@pytest.mark.parametrize("path", ["/v1/orgs/cookies", "/v1/orgs/stream", "/nowhere"])
def test_what_is_not_the_gateways_goes_to_django_alike(
    ask_both: Callable[[Asked], Said], gateway: Settings, path: str
) -> None:
    gateway.ROOT_URLCONF = "tests.gateway_proxy.urls"

    ask_both(Asked("GET", path))


def test_the_suite_notices_a_difference(
    ask_both: Callable[[Asked], Said], fronts: dict[str, Front]
) -> None:
    class Liar:
        def ask(self, asked: Asked) -> Said:
            return replace(ViewFront().ask(asked), status=418)

    fronts["view"] = Liar()

    with pytest.raises(AssertionError):
        ask_both(Asked())

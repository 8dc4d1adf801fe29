"""Either front lets each request be seen, and so do the parts behind it."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from prometheus_client import generate_latest
from pytest_django import Settings

from gateway_proxy import watching
from gateway_proxy.core.table import RouteTable
from gateway_proxy.defaults import default_table
from gateway_proxy.front import asgi_front
from opencore.metrics.processes import registry
from opencore.telemetry import ACCESS_LOG
from tests.gateway_proxy import service as services
from tests.gateway_proxy.conformance import (
    Asked,
    Front,
    LoopFront,
    ViewFront,
    WireFront,
    scope_of,
)
from tests.gateway_proxy.service import Service
from tests.ports import free_port
from tests.scraping import Labels, parsed

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
Counted = Callable[[str], dict[Labels, float]]
Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture(params=["view", "loop", "wire"])
def front(request: pytest.FixtureRequest, gateway: Settings) -> Iterator[Front]:
    """One of the fronts."""
    loop, wire = LoopFront(), WireFront()
    fronts: dict[str, Front] = {"view": ViewFront(), "loop": loop, "wire": wire}
    yield fronts[request.param]
    loop.close()
    wire.close()


@pytest.fixture
def counted() -> Counted:
    """What was added to a metric since the beginning of the test."""
    before = parsed(generate_latest(registry).decode())

    def added(name: str) -> dict[Labels, float]:
        now = parsed(generate_latest(registry).decode())
        known = before.get(name, {})
        found = {
            labels: value - known.get(labels, 0.0)
            for labels, value in now.get(name, {}).items()
        }
        return {labels: value for labels, value in found.items() if value}

    return added


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """What the access log says."""
    caplog.set_level(logging.INFO, ACCESS_LOG)
    return lambda: [vars(one) for one in caplog.records if one.name == ACCESS_LOG]


def authorized(bearer: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return (("authorization", bearer["Authorization"]),)


def labels(**names: str) -> Labels:
    return tuple(sorted(names.items()))


def test_a_request_is_counted_and_written_down(
    front: Front,
    service: Service,
    bearer: dict[str, str],
    ada: UUID,
    counted: Counted,
    lines: Lines,
) -> None:
    asked = Asked(
        target="/billing/secret?token=secret",
        headers=(
            *authorized(bearer),
            ("x-request-id", "0192f3a4-request"),
            ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),
        ),
    )

    front.ask(asked)

    (line,) = lines()
    (upstream,) = {line["upstream"]}
    assert counted("gateway_requests_total") == {
        labels(
            route="/billing", method="GET", status_class="2xx", upstream=str(upstream)
        ): 1.0
    }
    assert counted("gateway_request_seconds_count") == {labels(route="/billing"): 1.0}
    assert counted("gateway_in_flight") == {}
    told = ("method", "route", "status", "bytes", "user_id", "request_id", "trace_id")
    assert {name: line[name] for name in told} == {
        "method": "GET",
        "route": "/billing",
        "status": 200,
        "bytes": len(service.body),
        "user_id": str(ada),
        "request_id": "0192f3a4-request",
        "trace_id": TRACE,
    }
    assert "secret" not in str(line)


def test_a_refused_token_is_counted_and_written_down(
    front: Front, service: Service, counted: Counted, lines: Lines
) -> None:
    front.ask(Asked(headers=(("authorization", "Bearer nonsense"),)))

    (line,) = lines()
    assert (line["status"], line["refusal"]) == (401, "token_invalid")
    assert len(str(line["trace_id"])) == 32
    assert counted("gateway_tokens_refused_total") == {labels(code="token_invalid"): 1}
    assert counted("gateway_in_flight") == {}


def test_a_request_too_many_is_counted_and_written_down(
    front: Front,
    gateway: Settings,
    bearer: dict[str, str],
    counted: Counted,
    lines: Lines,
) -> None:
    gateway.GATEWAY_RATE, gateway.GATEWAY_BURST = 0.01, 1
    front.ask(Asked(headers=authorized(bearer)))

    front.ask(Asked(headers=authorized(bearer)))

    assert [line["limited"] for line in lines()] == [None, "user"]
    assert counted("gateway_rate_limited_total") == {labels(policy="user"): 1.0}


def test_a_long_answer_is_measured_to_its_end(
    front: Front, service: Service, bearer: dict[str, str], lines: Lines
) -> None:
    service.body = b"x" * 400_000

    front.ask(Asked(headers=authorized(bearer)))

    assert [line["bytes"] for line in lines()] == [400_000]


def test_an_upstream_that_is_away_is_counted(
    front: Front,
    gateway: Settings,
    bearer: dict[str, str],
    counted: Counted,
    lines: Lines,
) -> None:
    gateway.GATEWAY_UPSTREAMS = {"billing": f"http://127.0.0.1:{free_port()}"}

    front.ask(Asked(method="POST", body=b"{}", headers=authorized(bearer)))

    (line,) = lines()
    assert (line["status"], line["refusal"]) == (502, "upstream_unavailable")
    (failures,) = counted("gateway_upstream_failures_total").items()
    assert ("code", "upstream_unavailable") in failures[0]


def test_an_upstream_that_no_route_names_any_more_wakes_nobody(
    front: Front,
    gateway: Settings,
    service: Service,
    bearer: dict[str, str],
    counted: Counted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain, away = default_table(), f"http://127.0.0.1:{free_port()}"
    tables = [_leading(plain, away)]
    monkeypatch.setattr(watching, "current_table", lambda: tables[-1])
    for _ in range(20):
        front.ask(Asked(headers=authorized(bearer)))
    during = counted("gateway_breaker_open")

    tables.append(_leading(plain, service.url))
    said = front.ask(Asked(headers=authorized(bearer)))

    assert list(during.values()) == [1.0]
    assert said.status == 200
    assert counted("gateway_breaker_open") == {}


def _leading(table: RouteTable, upstream: str) -> RouteTable:
    """Return a table whose routes lead to one upstream."""
    routes = tuple(replace(route, upstreams=(upstream,)) for route in table.routes)
    return replace(table, routes=routes)


def test_what_can_not_be_read_is_seen_all_the_same(
    front: Front, counted: Counted, lines: Lines
) -> None:
    front.ask(Asked(headers=(("transfer-encoding", "gzip"),)))

    assert [(line["status"], line["route"]) for line in lines()] == [(400, None)]
    assert counted("gateway_in_flight") == {}


def test_a_client_that_does_not_wait_is_seen_to_leave(
    gateway: Settings,
    service: Service,
    bearer: dict[str, str],
    counted: Counted,
    lines: Lines,
) -> None:
    service.misbehave = services.hang_before_the_answer

    asyncio.run(_leave_early(service, Asked(headers=authorized(bearer))))

    assert [line["status"] for line in lines()] == [499]
    assert counted("gateway_in_flight") == {}


async def _leave_early(service: Service, asked: Asked) -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(_: object) -> None:
        raise AssertionError("nobody listens")

    front = asgi_front()
    answering = asyncio.ensure_future(front(scope_of(asked), receive, send))
    async with asyncio.timeout(30):
        while not service.received:
            await asyncio.sleep(0.01)
    answering.cancel()
    await asyncio.wait({answering})
    front.sight.tell()
    service.released.set()

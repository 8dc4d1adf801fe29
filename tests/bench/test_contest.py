"""The contestants of the gateway's bench do what they are measured for."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import UUID, uuid4

import pytest
import urllib3
from django.utils import timezone
from redis.asyncio import Redis

from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.decisions import Bucket, Charge, Decision
from gateway_proxy.core.script import SCRIPT
from gateway_proxy.streaming.limits import RedisBuckets
from opencore.localservices.places import answers
from opencore.tokens import mint_access, mint_refresh
from tests.bench.contest import debian, limits, load
from tests.bench.contest.debian import Tools, ToolsAbsent
from tests.bench.contest.deciding import Pipelines
from tests.bench.contest.load import LoadRefused, Target
from tests.bench.contest.nginx import Nginx
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.service import Handler, Service, serving
from tests.ports import free_port

MANY = 4 * limits.BURST
POLICY = f'"user";q={limits.BURST};w=1, "network";q={MANY};w=1'
STATE = f'"user";r={limits.BURST - 1};t=1, "network";r={MANY - 1};t=1'
ADA = UUID("00000000-0000-7000-8000-00000000ada0")


@pytest.fixture(scope="module")
def tools() -> Tools:
    try:
        return debian.fetch(lambda _line: None)
    except ToolsAbsent as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Service]:
    with serving(free_port()) as service:
        yield service


@pytest.fixture
def service(upstream: Service) -> Service:
    # nginx keeps its connections from test to test, and with them who answers.
    upstream.received.clear()
    return upstream


@pytest.fixture(scope="module")
def nginx(
    tools: Tools, upstream: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    port, behind = free_port(), int(upstream.host.rpartition(":")[2])
    servers = Nginx(tools, tmp_path_factory.mktemp("nginx"))
    server = servers.gateway(port, upstream=behind, settings=limits.of_lua())
    server.wait_until(lambda: answers(port), seconds=30)
    yield port
    server.stop()


def token_of_ada(*, age: timedelta = timedelta()) -> str:
    now = timezone.now() - age
    return mint_access(user_id=ADA, session_id=uuid4(), role="user", now=now)


def refresh_token() -> str:
    return mint_refresh(
        user_id=ADA, session_id=uuid4(), generation=1, now=timezone.now()
    )


def forged() -> str:
    head, payload, _ = token_of_ada().split(".")
    return f"{head}.{payload}.{'A' * 64}"


def ask(
    port: int, token: str, headers: dict[str, str] | None = None
) -> urllib3.BaseHTTPResponse:
    return urllib3.request(
        "GET",
        f"http://127.0.0.1:{port}/billing/small?page=2",
        headers={"Authorization": f"Bearer {token}", **(headers or {})},
        retries=False,
        timeout=30,
    )


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(lambda: "", id="none"),
        pytest.param(forged, id="forged"),
        pytest.param(lambda: token_of_ada(age=timedelta(hours=1)), id="expired"),
        pytest.param(refresh_token, id="a refresh token"),
    ],
)
def test_nginx_with_lua_lets_nobody_in_without_a_token_of_ours(
    nginx: int, service: Service, token: Callable[[], str]
) -> None:
    answer = ask(nginx, token())

    assert (answer.status, answer.json()["code"]) == (401, "token_invalid")
    assert service.received == []


def test_nginx_with_lua_forwards_under_the_name_that_the_token_gives(
    nginx: int, service: Service
) -> None:
    spoofed = {"X-User-Id": "mallory", "X-Org-Id": "of mallory"}

    answer = ask(nginx, token_of_ada(), spoofed)

    assert (answer.status, answer.data) == (200, service.body)
    (received,) = service.received
    assert received.target == "/v1/billing/small?page=2"
    assert received.values("X-User-Id") == [str(ADA)]
    assert received.values("X-Org-Id") == []


def test_nginx_with_lua_charges_the_user_in_redis(nginx: int, service: Service) -> None:
    answer = ask(nginx, token_of_ada())

    assert answer.headers["RateLimit-Policy"] == POLICY
    assert answer.headers["RateLimit"] == STATE


def refuse_the_third(handler: Handler) -> None:
    service = handler.service
    service.status = 503 if len(service.received) == 3 else 200
    handler.begin(len(service.body))
    handler.wfile.write(service.body)


def test_a_load_of_which_one_request_is_refused_gives_no_figure(tools: Tools) -> None:
    port = free_port()
    target = Target(port, "/billing/small", (token_of_ada(),))

    with serving(port) as service:
        service.misbehave = refuse_the_third
        with pytest.raises(LoadRefused):
            load.put(target, connections=1, seconds=1, tools=tools)
        service.received.clear()
        with pytest.raises(LoadRefused):
            load.put(target, connections=4, seconds=0, tools=None)


def test_a_trial_asks_once_on_each_connection() -> None:
    port = free_port()
    target = Target(port, "/billing/small", (token_of_ada(), ""))

    with serving(port) as service:
        found = load.put(target, connections=4, seconds=0, tools=None)

    assert found.requests == 4
    given = [bool(one.values("Authorization")) for one in service.received]
    assert sorted(given) == [False, False, True, True]


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.kill()


def test_redis_is_asked_for_the_same_by_pipelines_and_by_messages(
    redis_server: RedisServer,
) -> None:
    charge = Charge((Bucket("ada", Policy("user", 0.001, 50)),), cost=7)

    async def decide() -> list[object]:
        client = Redis.from_url(redis_server.url)
        await client.script_load(SCRIPT)
        pipelines, buckets = (
            Pipelines(client),
            RedisBuckets(redis_server.url, timeout=9),
        )
        many = await asyncio.gather(*(pipelines.decide(charge) for _ in range(3)))
        found = [*many, await buckets.decide(charge)]
        await client.aclose()
        await buckets.close()
        return found

    left = [cast("Decision", one).verdicts[0].tokens for one in asyncio.run(decide())]

    assert left == [pytest.approx(tokens, abs=0.1) for tokens in (43, 36, 29, 22)]

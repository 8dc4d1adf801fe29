"""Requests through the gateway's view to a real service."""

import json
import logging
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from pytest_django import Settings

from gateway_proxy.core.messages import METHODS
from gateway_proxy.front import current_gateway
from opencore.telemetry import ACCESS_LOG
from opencore.tokens import mint_access
from tests.gateway_proxy import service as services
from tests.gateway_proxy.conftest import bearer_of
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.service import Service
from tests.gateway_proxy.test_targets import TRICKS
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("gateway")


def assert_problem(response: HttpResponseBase, status: int, code: str) -> None:
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert json.loads(response.getvalue())["code"] == code


def test_forwards_to_the_same_path_below_the_api(
    client: Client, service: Service, bearer: dict[str, str], ada: UUID
) -> None:
    response = client.post(
        "/billing/payments?limit=2",
        data='{"amount": 1}',
        content_type="application/json",
        headers=bearer,
    )

    assert response.status_code == 200
    assert response.getvalue() == service.body
    (received,) = service.received
    assert received.method == "POST"
    assert received.target == "/v1/billing/payments?limit=2"
    assert received.body == b'{"amount": 1}'
    assert received.values("X-User-Id") == [str(ada)]
    assert received.values("X-User-Role") == ["user"]
    assert received.values("X-Forwarded-Host") == ["testserver"]
    assert received.values("X-Request-Id") == [response["X-Request-Id"]]


@pytest.mark.parametrize("method", METHODS)
def test_forwards_every_method_of_the_list(
    client: Client, service: Service, bearer: dict[str, str], method: str
) -> None:
    response = client.generic(method, "/billing", headers=bearer)

    assert response.status_code == 200
    assert service.received[0].method == method


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get"])
def test_refuses_any_other_method(
    client: Client, service: Service, bearer: dict[str, str], method: str
) -> None:
    response = client.generic(method, "/billing", headers=bearer)

    assert_problem(response, 405, "method_not_allowed")
    assert response["Allow"] == ", ".join(METHODS)
    assert service.received == []


@pytest.mark.parametrize(
    "path",
    [
        path.replace("/auth", "/billing", 1)
        for path in TRICKS.values()
        if path.isascii()
    ],
)
def test_refuses_a_tricky_path_in_the_clients_spelling(
    client: Client, service: Service, bearer: dict[str, str], path: str
) -> None:
    response = client.get(path, headers=bearer, RAW_URI=path)

    assert_problem(response, 400, "malformed_request")
    assert service.received == []


@pytest.mark.parametrize(
    "path",
    [
        "/billing/../users",
        "/billing/%2e%2e/users",
        "/billing//x",
        "/billing/%5cx",
        "/billing/%00",
        "/billing/%252e",
        "/billing/%ff",
    ],
)
def test_refuses_a_tricky_path_when_the_server_kept_only_its_decoded_form(
    client: Client, service: Service, bearer: dict[str, str], path: str
) -> None:
    response = client.get(path, headers=bearer)

    assert_problem(response, 400, "malformed_request")
    assert service.received == []


@pytest.mark.parametrize(
    "raw", ["/%62illing/x", "/auth/x", "http://testserver/auth/x", "*", "/billing/X"]
)
def test_refuses_a_path_that_the_route_was_not_found_with(
    client: Client, service: Service, bearer: dict[str, str], raw: str
) -> None:
    response = client.get("/billing/x", headers=bearer, RAW_URI=raw)

    assert response.status_code in {400, 404}
    assert service.received == []


def test_refuses_the_absolute_form_of_a_target(
    client: Client, service: Service, bearer: dict[str, str]
) -> None:
    response = client.get(
        "/billing/x", headers=bearer, RAW_URI="http://evil.test/billing/x"
    )

    assert_problem(response, 400, "malformed_request")
    assert service.received == []


@pytest.mark.parametrize("path", ["//billing", "/billingx", "/Billing", "/v2/billing"])
def test_a_path_of_another_name_is_not_forwarded(
    client: Client, service: Service, bearer: dict[str, str], path: str
) -> None:
    response = client.generic("GET", path, headers=bearer)

    assert_problem(response, 404, "not_found")
    assert service.received == []


def test_refuses_a_target_that_is_too_long(
    client: Client, service: Service, bearer: dict[str, str]
) -> None:
    response = client.get("/billing?" + "q" * 9000, headers=bearer)

    assert_problem(response, 414, "uri_too_long")
    assert service.received == []


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Large": "x" * 33_000},
        {f"X-Many-{number}": "x" for number in range(101)},
    ],
    ids=["bytes", "count"],
)
def test_refuses_headers_that_are_too_large(
    client: Client, service: Service, headers: dict[str, str]
) -> None:
    response = client.get("/billing", headers=headers)

    assert_problem(response, 431, "headers_too_large")
    assert service.received == []


@pytest.mark.parametrize(
    ("framing", "status", "code"),
    [
        (
            {"CONTENT_LENGTH": "2", "HTTP_TRANSFER_ENCODING": "chunked"},
            400,
            "malformed_request",
        ),
        ({"CONTENT_LENGTH": "+2"}, 400, "malformed_request"),
        ({"CONTENT_LENGTH": "2, 2"}, 400, "malformed_request"),
        ({"CONTENT_LENGTH": "-1"}, 400, "malformed_request"),
        ({"CONTENT_LENGTH": "²"}, 400, "malformed_request"),
        (
            {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "gzip, chunked"},
            400,
            "malformed_request",
        ),
        (
            {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"},
            411,
            "length_required",
        ),
        ({"HTTP_X_SPLIT": "a\r\nX-User-Id: root"}, 400, "malformed_request"),
        ({"HTTP_X_SPLIT": "a\x00"}, 400, "malformed_request"),
    ],
)
def test_refuses_unclear_framing(
    client: Client,
    service: Service,
    bearer: dict[str, str],
    framing: dict[str, Any],
    status: int,
    code: str,
) -> None:
    response = client.post(
        "/billing", data="{}", content_type="a/b", headers=bearer, **framing
    )

    assert_problem(response, status, code)
    assert service.received == []


@pytest.mark.parametrize("host", ["testserver, evil.test", "testserver,testserver"])
def test_refuses_more_than_one_host(
    client: Client, service: Service, bearer: dict[str, str], host: str
) -> None:
    response = client.get("/billing", headers=bearer, HTTP_HOST=host)

    assert response.status_code == 400
    assert service.received == []


@pytest.mark.parametrize(("size", "status"), [(1024**2, 200), (1024**2 + 1, 413)])
def test_takes_bodies_up_to_a_mebibyte(
    client: Client, service: Service, bearer: dict[str, str], size: int, status: int
) -> None:
    response = client.post(
        "/billing", data=b"x" * size, content_type="a/b", headers=bearer
    )

    assert response.status_code == status
    assert [len(received.body) for received in service.received] == (
        [size] if status == 200 else []
    )


@pytest.mark.parametrize(("size", "status"), [(1024**2, 200), (1024**2 + 1, 413)])
def test_counts_a_body_that_came_without_a_length(
    client: Client, service: Service, bearer: dict[str, str], size: int, status: int
) -> None:
    ended: dict[str, Any] = {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": BytesIO(b"x" * size),
        "wsgi.input_terminated": True,
    }

    response = client.post("/billing", headers=bearer, CONTENT_LENGTH="", **ended)

    assert response.status_code == status
    # A long one is passed on while it comes, and then broken off.
    assert [len(one.body) for one in service.received if one.whole] == (
        [size] if status == 200 else []
    )


def test_a_short_body_that_came_without_a_length_is_given_one(
    client: Client, service: Service, bearer: dict[str, str]
) -> None:
    ended: dict[str, Any] = {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": BytesIO(b"x" * 1000),
        "wsgi.input_terminated": True,
    }

    client.post("/billing", headers=bearer, CONTENT_LENGTH="", **ended)

    assert service.received[0].values("Content-Length") == ["1000"]


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "unauthenticated"),
        ("", "unauthenticated"),
        ("Bearer", "unauthenticated"),
        ("Bearer  ", "unauthenticated"),
        ("Basic YWRhOmFkYQ==", "unauthenticated"),
        ("Bearer nonsense", "token_invalid"),
        ("Bearer a.b.c", "token_invalid"),
        ("Bearer " + "a" * 20_000, "token_invalid"),
    ],
)
def test_refuses_a_request_without_a_good_token(
    client: Client, service: Service, authorization: str | None, code: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    response = client.get("/billing", headers=headers)

    assert_problem(response, 401, code)
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert service.received == []


def test_refuses_a_token_whose_time_is_over(client: Client, service: Service) -> None:
    token = mint_access(
        user_id=uuid4(),
        session_id=uuid4(),
        role="user",
        now=timezone.now() - timedelta(hours=1),
    )

    response = client.get("/billing", headers={"Authorization": f"Bearer {token}"})

    assert_problem(response, 401, "token_expired")
    assert service.received == []


def test_no_client_can_say_who_it_is(
    client: Client, service: Service, bearer: dict[str, str], ada: UUID
) -> None:
    client.get(
        "/billing",
        headers={
            **bearer,
            "X-User-Id": "root",
            "X-User-Role": "operator",
            "X-Org-Id": "acme",
            "Connection": "X-User-Id, X-User-Role",
        },
    ).close()

    (received,) = service.received
    assert received.values("X-User-Id") == [str(ada)]
    assert received.values("X-User-Role") == ["user"]
    assert received.values("X-Org-Id") == []


def test_a_burst_passes_and_what_exceeds_it_is_told_when_to_come_back(
    client: Client, service: Service, bearer: dict[str, str], gateway: Settings
) -> None:
    gateway.GATEWAY_RATE = 0.01
    gateway.GATEWAY_BURST = 3

    responses = [client.get("/billing", headers=bearer) for _ in range(4)]

    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    assert responses[0]["RateLimit-Policy"] == '"user";q=3;w=300, "network";q=12;w=300'
    assert responses[0]["RateLimit"] == '"user";r=2;t=100, "network";r=11;t=25'
    assert_problem(responses[3], 429, "rate_limited")
    assert 99 <= int(responses[3]["Retry-After"]) <= 100
    assert len(service.received) == 3


def test_a_body_that_ends_early_is_not_forwarded(
    client: Client, service: Service, bearer: dict[str, str]
) -> None:
    cut: dict[str, Any] = {"CONTENT_LENGTH": "10", "wsgi.input": BytesIO(b"short")}

    response = client.post("/billing", headers=bearer, **cut)

    assert_problem(response, 400, "malformed_request")
    assert service.received == []


def test_two_people_behind_one_address_have_two_buckets(
    client: Client, gateway: Settings
) -> None:
    gateway.GATEWAY_RATE = 0.01
    gateway.GATEWAY_BURST = 1
    ada, grace = bearer_of(uuid4()), bearer_of(uuid4())

    statuses = [
        client.get("/billing", headers=headers).status_code
        for headers in (ada, ada, grace)
    ]

    assert statuses == [200, 429, 200]


def test_guessing_tokens_is_limited_by_address(
    client: Client, bearer: dict[str, str], gateway: Settings
) -> None:
    gateway.GATEWAY_RATE = 0.01
    gateway.GATEWAY_BURST = 2
    wrong = {"Authorization": "Bearer wrong"}

    statuses = [client.get("/billing", headers=wrong).status_code for _ in range(3)]

    assert statuses == [401, 401, 429]
    assert client.get("/billing", headers=bearer).status_code == 200


def test_one_ipv6_network_is_one_client(client: Client, gateway: Settings) -> None:
    gateway.GATEWAY_RATE = 0.01
    gateway.GATEWAY_BURST = 1

    statuses = [
        client.get("/billing", REMOTE_ADDR=address).status_code
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    ]

    assert statuses == [401, 429, 401]


@pytest.mark.parametrize("fault", ["killed", "hung"])
def test_without_redis_requests_pass_and_the_limit_holds(
    client: Client,
    bearer: dict[str, str],
    gateway: Settings,
    mortal_redis: RedisServer,
    fault: str,
) -> None:
    gateway.REDIS_URL = mortal_redis.url
    gateway.GATEWAY_RATE = 0.01
    gateway.GATEWAY_BURST = 5
    {"killed": mortal_redis.kill, "hung": mortal_redis.hang}[fault]()

    responses = [client.get("/billing", headers=bearer) for _ in range(6)]

    assert [response.status_code for response in responses] == [200] * 5 + [429]
    assert responses[0]["RateLimit"] == '"user";r=4;t=100, "network";r=19;t=25'


def test_a_bucket_outlives_the_gateway(
    client: Client, bearer: dict[str, str], gateway: Settings
) -> None:
    gateway.GATEWAY_RATE = 0.01
    gateway.GATEWAY_BURST = 2
    client.get("/billing", headers=bearer)
    before = current_gateway()

    gateway.REDIS_TIMEOUT = 1.0
    assert current_gateway() is not before
    statuses = [client.get("/billing", headers=bearer).status_code for _ in range(2)]

    assert statuses == [200, 429]


def test_an_upstream_that_is_away_is_a_problem_with_the_limits_told(
    client: Client, bearer: dict[str, str], gateway: Settings
) -> None:
    gateway.GATEWAY_UPSTREAMS = {"billing": f"http://127.0.0.1:{free_port()}"}

    response = client.get("/billing", headers=bearer)

    assert_problem(response, 502, "upstream_unavailable")
    assert response.json()["retryable"] == "yes"
    assert response["Retry-After"] in {"1", "2"}
    assert response["RateLimit"] == '"user";r=49;t=1, "network";r=199;t=1'


def test_an_upstream_that_is_cut_within_its_answer_is_a_problem(
    client: Client, service: Service, bearer: dict[str, str]
) -> None:
    service.misbehave = services.cut_within_the_answer

    response = client.post("/billing", headers=bearer)

    assert_problem(response, 502, "upstream_failed")
    assert response.json()["retryable"] == "same_idempotency_key"


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (500, "text/html", b"<h1>broken</h1>"),
        (404, "text/plain", b"nothing"),
        (409, "application/problem+json", b'{"code": "its own"}'),
        (204, "application/json", b""),
    ],
)
def test_what_an_upstream_says_passes_untouched(
    client: Client,
    service: Service,
    bearer: dict[str, str],
    status: int,
    kind: str,
    body: bytes,
) -> None:
    service.status = status
    service.headers = [("Content-Type", kind), ("Allow", "PUT"), ("Vary", "Accept")]
    service.body = body

    response = client.get("/billing", headers={**bearer, "Accept": "image/png"})

    assert response.status_code == status
    assert response.getvalue() == body
    assert response["Content-Type"] == kind
    assert response["Allow"] == "PUT"
    assert "Server" not in response


def test_an_upstreams_cookies_pass_line_by_line(
    client: Client, service: Service, bearer: dict[str, str]
) -> None:
    lines = ["a=1; Path=/x; Partitioned", "a=2; SameSite=Weird", 'c="q"; Priority=High']
    service.headers = [("Set-Cookie", line) for line in lines]

    response = client.get("/billing", headers=bearer)

    assert [cookie.OutputString() for cookie in response.cookies.values()] == lines
    assert [cookie.output(header="") for cookie in response.cookies.values()] == lines


def test_each_request_leaves_one_line_in_the_log(
    client: Client,
    service: Service,
    bearer: dict[str, str],
    ada: UUID,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOG)

    client.get("/billing/secret?token=secret", headers=bearer).getvalue()

    (record,) = caplog.records
    assert record.message == "request answered"
    fields = vars(record)
    assert isinstance(fields.pop("ms"), float)
    told = ("method", "route", "status", "user_id", "upstream")
    assert {name: fields[name] for name in told} == {
        "method": "GET",
        "route": "/billing",
        "status": 200,
        "user_id": str(ada),
        "upstream": service.url,
    }


def test_in_the_local_profile_tokens_may_go_unverified(
    client: Client, service: Service, gateway: Settings
) -> None:
    gateway.PROFILE = "local"
    gateway.GATEWAY_JWT = "off"

    response = client.get("/billing", headers={"X-User-Id": "root"})

    assert response.status_code == 200
    assert service.received[0].values("X-User-Id") == []


def test_the_gateways_paths_are_not_in_the_schema() -> None:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # -- as it comes
    schema = generator.get_schema(public=True)  # type: ignore[no-untyped-call]  # -- as it comes

    paths = [path for path in schema["paths"] if not path.startswith("/v1/")]
    assert [path for path in paths if path.startswith("/billing")] == []

"""The API in this same process, behind the gateway."""

from uuid import UUID

import pytest
from asgiref.sync import async_to_sync
from django.core.signals import request_finished, request_started
from django.test import AsyncClient, Client
from pytest_django import Settings

from tests.gateway_proxy import urls


@pytest.fixture(autouse=True)
def api(gateway: Settings) -> None:
    """The tests' own API instead of the product's."""
    gateway.ROOT_URLCONF = "tests.gateway_proxy.urls"


def test_a_request_arrives_at_the_api_as_it_was_sent(
    client: Client, bearer: dict[str, str], ada: UUID
) -> None:
    response = client.post(
        "/orgs/echo/caf%C3%A9?a[]=1&b=%2f",
        data='{"name": "Acme"}',
        content_type="application/json",
        headers={**bearer, "Idempotency-Key": "k1"},
    )

    arrived = response.json()
    assert response.status_code == 200
    assert arrived["method"] == "POST"
    assert arrived["path"] == "/v1/orgs/echo/café"
    assert arrived["uri"] == "/v1/orgs/echo/caf%C3%A9?a[]=1&b=%2f"
    assert arrived["body"] == '{"name": "Acme"}'
    assert arrived["url"].startswith("http://testserver/v1/orgs/echo/")
    assert arrived["headers"]["Authorization"] == bearer["Authorization"]
    assert arrived["headers"]["Content-Type"] == "application/json"
    assert arrived["headers"]["Idempotency-Key"] == "k1"
    assert arrived["headers"]["X-User-Id"] == str(ada)


def test_the_api_works_under_the_same_request_id(
    client: Client, bearer: dict[str, str]
) -> None:
    response = client.get(
        "/orgs/echo", headers={**bearer, "X-Request-Id": "my-request-7"}
    )

    assert response.json()["request_id"] == "my-request-7"
    assert response["X-Request-Id"] == "my-request-7"


def test_the_api_sees_the_client_behind_a_trusted_proxy(
    client: Client, bearer: dict[str, str], gateway: Settings
) -> None:
    gateway.TRUSTED_PROXIES = ["10.0.0.0/8"]

    response = client.get(
        "/orgs/echo",
        headers={**bearer, "X-Forwarded-For": "6.6.6.6, 192.0.2.7"},
        REMOTE_ADDR="10.0.0.1",
    )

    assert response.json()["client"] == "192.0.2.7"
    assert response.json()["headers"]["X-Forwarded-For"] == "192.0.2.7"


def test_the_api_sees_no_client_that_a_stranger_made_up(
    client: Client, bearer: dict[str, str]
) -> None:
    response = client.get(
        "/orgs/echo",
        headers={**bearer, "X-Forwarded-For": "6.6.6.6", "X-Real-Ip": "6.6.6.6"},
        REMOTE_ADDR="192.0.2.7",
    )

    assert response.json()["client"] == "192.0.2.7"
    assert response.json()["headers"]["X-Forwarded-For"] == "192.0.2.7"
    assert "X-Real-Ip" not in response.json()["headers"]


def test_a_location_of_the_api_leads_back_through_the_gateway(
    client: Client, bearer: dict[str, str]
) -> None:
    response = client.get("/orgs/redirect", headers=bearer)

    assert response.status_code == 303
    assert response["Location"] == "/orgs/7"


def test_a_stream_of_the_api_stays_one_until_it_is_closed(
    client: Client, bearer: dict[str, str]
) -> None:
    response = client.get("/orgs/stream", headers=bearer)

    assert response.streaming
    assert response.getvalue() == b"firstsecond"
    assert urls.CLOSED.count(response["X-Request-Id"]) == 1


def test_cookies_and_the_apis_own_headers_pass(
    client: Client, bearer: dict[str, str]
) -> None:
    response = client.get("/orgs/cookies", headers=bearer)

    assert [cookie.OutputString() for cookie in response.cookies.values()] == [
        "a=1; Path=/v1",
        "b=2; HttpOnly; Path=/",
    ]
    assert response["Vary"] == "Accept-Language"
    assert response["Allow"] == "GET"


def test_a_bug_of_the_api_is_its_own_problem(
    client: Client, bearer: dict[str, str]
) -> None:
    client.raise_request_exception = False

    response = client.get("/orgs/bug", headers=bearer)

    assert response.status_code == 500
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "internal_error"
    assert b"secret detail" not in response.content


def test_what_the_api_does_not_know_is_its_own_problem(
    client: Client, bearer: dict[str, str]
) -> None:
    response = client.get("/orgs/nothing", headers=bearer)

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize("path", ["/auth/otp", "/auth/otp/verify", "/auth/refresh"])
def test_signing_in_needs_no_token(client: Client, path: str) -> None:
    response = client.post(path, data="{}", content_type="application/json")

    assert response.status_code == 200
    assert response.json()["path"] == f"/v1{path}"


def test_each_request_of_the_api_is_begun_and_finished(
    client: Client, bearer: dict[str, str]
) -> None:
    seen: list[str] = []

    def begun(**_kwargs: object) -> None:
        seen.append("begun")

    def finished(**_kwargs: object) -> None:
        seen.append("finished")

    request_started.connect(begun)
    request_finished.connect(finished)
    client.get("/orgs/echo", headers=bearer)
    request_started.disconnect(begun)
    request_finished.disconnect(finished)

    assert seen == ["begun", "begun", "finished", "finished"]


def test_the_gateway_works_under_asgi_as_well(bearer: dict[str, str]) -> None:
    post = async_to_sync(AsyncClient().post)

    response = post(
        "/orgs/echo/a%20b?a=1",
        data='{"name": "Acme"}',
        content_type="application/json",
        headers=bearer,
    )

    assert response.status_code == 200
    assert response.json()["uri"] == "/v1/orgs/echo/a%20b?a=1"
    assert response.json()["body"] == '{"name": "Acme"}'


def test_the_api_itself_stays_reachable_beside_the_gateway(client: Client) -> None:
    response = client.get("/v1/orgs/echo", RAW_URI="/v1/orgs/echo")

    assert response.status_code == 200
    assert "RateLimit" not in response

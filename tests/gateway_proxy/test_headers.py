"""Which headers pass the gateway, and which it writes itself."""

from uuid import UUID

import pytest

from gateway_proxy.core.headers import (
    end_to_end,
    headers_for_client,
    headers_for_upstream,
    location_for_client,
)
from gateway_proxy.core.messages import Headers, Incoming
from opencore.tokens import read_access

ORIGIN = "billing.internal:8080/base"


def incoming(*headers: tuple[str, str]) -> Incoming:
    return Incoming(
        method="GET",
        path="/billing",
        query="",
        headers=headers,
        scheme="https",
        host="api.example.com",
        peer="10.0.0.1",
        sender="2001:db8::7",
        client="2001:db8::/64",
        request_id="request-1",
        read_body=bytes,
    )


OWN = (
    ("X-Forwarded-For", "2001:db8::7"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "api.example.com"),
    ("X-Request-Id", "request-1"),
)


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "HTTP2-Settings",
    ],
)
def test_hop_by_hop_headers_end_here(name: str) -> None:
    assert end_to_end(((name, "x"), ("Accept", "*/*"))) == (("Accept", "*/*"),)


def test_headers_that_connection_lists_end_here() -> None:
    headers = (
        ("Connection", "close, X-Secret"),
        ("x-secret", "1"),
        ("connection", "X-Other"),
        ("X-Other", "2"),
        ("X-Kept", "3"),
    )

    assert end_to_end(headers) == (("X-Kept", "3"),)


@pytest.mark.parametrize(
    "name",
    [
        "X-User-Id",
        "x-user-role",
        "X-User-Anything",
        "X-Org-Id",
        "X-Session-Id",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Port",
        "Forwarded",
        "X-Real-IP",
        "X-Original-URL",
        "X-Rewrite-Url",
        "X-Request-Id",
        "Host",
        "Content-Length",
        "Expect",
        "X_User_Id",
    ],
)
def test_no_client_speaks_in_the_name_of_the_gateway(name: str) -> None:
    assert headers_for_upstream(incoming((name, "forged")), None) == OWN


def test_connection_cannot_strike_out_what_the_gateway_says(
    ada: UUID, bearer: dict[str, str]
) -> None:
    claims = read_access(bearer["Authorization"].removeprefix("Bearer "))
    request = incoming(
        ("Connection", "X-User-Id, X-User-Role, X-Session-Id, X-Forwarded-For"),
        ("X-User-Id", "root"),
    )

    assert headers_for_upstream(request, claims) == (
        *OWN,
        ("X-User-Id", str(ada)),
        ("X-User-Role", "user"),
        ("X-Session-Id", str(claims.session_id)),
    )


def test_everything_else_passes_in_its_order() -> None:
    headers = (
        ("Accept", "application/json"),
        ("Authorization", "Bearer x"),
        ("Idempotency-Key", "1"),
        ("Content-Type", "application/json"),
    )

    assert headers_for_upstream(incoming(*headers), None) == (*headers, *OWN)


def test_of_an_answer_all_but_the_next_hops_headers_pass() -> None:
    headers: Headers = (
        ("Server", "secret/1.0"),
        ("Connection", "X-Hop"),
        ("X-Hop", "1"),
        ("Transfer-Encoding", "chunked"),
        ("X-Request-Id", "its own"),
        ("Content-Type", "application/json"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Location", "http://elsewhere.example.com/"),
    )

    assert headers_for_client(headers, origin=ORIGIN) == (
        ("Content-Type", "application/json"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    )


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/base/v1/orgs/7?a=1#b", "/orgs/7?a=1#b"),
        ("/base/v1/billing", "/billing"),
        ("http://billing.internal:8080/base/v1/orgs/7", "/orgs/7"),
        ("https://billing.internal:8080/base/v1/orgs/7", "/orgs/7"),
        ("payments/7", "payments/7"),
        ("?page=2", "?page=2"),
        ("/base/v1/secrets", None),
        ("/base/v1", None),
        ("/base/v1//evil.test/orgs", None),
        ("/v1/orgs/7", None),
        ("/admin/", None),
        ("//evil.test/base/v1/orgs", None),
        ("///evil.test", None),
        ("/\\evil.test", None),
        ("/\t/evil.test", None),
        ("http://evil.test/base/v1/orgs", None),
        ("http://billing.internal:8080@evil.test/base/v1/orgs", None),
        ("ftp://billing.internal:8080/base/v1/orgs", None),
        ("javascript:alert(1)", None),
        ("http://[::1/", None),
    ],
)
def test_a_location_leads_back_through_the_gateway_or_nowhere(
    location: str, seen: str | None
) -> None:
    assert location_for_client(location, origin=ORIGIN) == seen


def test_a_location_of_this_same_process_is_mapped_back() -> None:
    location = "https://api.example.com/v1/orgs/7"

    assert location_for_client(location, origin="api.example.com") == "/orgs/7"

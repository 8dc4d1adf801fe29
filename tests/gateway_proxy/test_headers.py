"""Which headers pass the gateway, and which it writes itself."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from gateway_proxy.core.headers import (
    headers_for_client,
    headers_for_upstream,
    identity_headers,
    location_for_client,
)
from gateway_proxy.core.messages import Headers, HeldUpload, Incoming
from gateway_proxy.core.table import Route, RouteTable
from opencore.claims import AccessClaims
from opencore.tokens import read_access

ORIGIN = "billing.internal:8080/base"


TABLE = RouteTable(version=1, routes=(Route("/orgs"), Route("/billing")))


def no_upload(limit: int) -> HeldUpload:
    raise AssertionError("headers need no body")


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
        length=0,
        upload=no_upload,
    )


OWN = (
    ("x-forwarded-for", "2001:db8::7"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "api.example.com"),
    ("x-request-id", "request-1"),
)


@pytest.mark.parametrize(
    "name",
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    ],
)
def test_hop_by_hop_headers_end_here(name: str) -> None:
    headers = ((name, "x"), ("accept", "*/*"))

    assert headers_for_upstream(incoming(*headers)) == (headers[1], *OWN)
    assert headers_for_client(headers, origin=ORIGIN, table=TABLE) == headers[1:]


def test_headers_that_connection_lists_end_here() -> None:
    headers = (
        ("connection", "close, X-Secret"),
        ("x-secret", "1"),
        ("connection", "X-Other"),
        ("x-other", "2"),
        ("x-kept", "3"),
    )

    kept = ("x-kept", "3")
    assert headers_for_upstream(incoming(*headers)) == (kept, *OWN)
    assert headers_for_client(headers, origin=ORIGIN, table=TABLE) == (kept,)


@pytest.mark.parametrize(
    "name",
    [
        "x-user-id",
        "x-user-role",
        "x-user-anything",
        "x-org-id",
        "x-session-id",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "forwarded",
        "x-real-ip",
        "x-original-url",
        "x-rewrite-url",
        "x-request-id",
        "host",
        "content-length",
        "expect",
        "x_user_id",
    ],
)
def test_no_client_speaks_in_the_name_of_the_gateway(name: str) -> None:
    assert headers_for_upstream(incoming((name, "forged"))) == OWN


def test_connection_cannot_strike_out_what_the_gateway_says(
    ada: UUID, bearer: dict[str, str]
) -> None:
    claims = read_access(bearer["Authorization"].removeprefix("Bearer "))
    request = incoming(
        ("connection", "X-User-Id, X-User-Role, X-Session-Id, X-Forwarded-For"),
        ("x-user-id", "root"),
    )

    assert headers_for_upstream(request, identity_headers(claims)) == (
        *OWN,
        ("x-user-id", str(ada)),
        ("x-user-role", "user"),
        ("x-session-id", str(claims.session_id)),
    )


def test_everything_else_passes_in_its_order() -> None:
    headers = (
        ("accept", "application/json"),
        ("authorization", "Bearer x"),
        ("idempotency-key", "1"),
        ("content-type", "application/json"),
    )

    assert headers_for_upstream(incoming(*headers)) == (*headers, *OWN)


def test_of_an_answer_all_but_the_next_hops_headers_pass() -> None:
    headers: Headers = (
        ("server", "secret/1.0"),
        ("connection", "X-Hop"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("x-request-id", "its own"),
        ("content-type", "application/json"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("location", "http://elsewhere.example.com/"),
    )

    assert headers_for_client(headers, origin=ORIGIN, table=TABLE) == (
        ("content-type", "application/json"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
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
    assert location_for_client(location, origin=ORIGIN, table=TABLE) == seen


def test_a_location_of_this_same_process_is_mapped_back() -> None:
    location = "https://api.example.com/v1/orgs/7"

    assert (
        location_for_client(location, origin="api.example.com", table=TABLE)
        == "/orgs/7"
    )


def test_an_upstream_is_told_who_acts_as_the_user(ada: UUID) -> None:
    staff = uuid4()
    claims = AccessClaims(
        user_id=ada,
        session_id=uuid4(),
        role="user",
        issued_at=datetime(2028, 2, 29, tzinfo=UTC),
        expires_at=datetime(2028, 3, 1, tzinfo=UTC),
        key_id="k",
        impersonator_id=staff,
    )

    assert identity_headers(claims)[-1] == ("x-user-impersonator-id", str(staff))

"""Which route a path belongs to, and which buckets its requests draw from."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from gateway_proxy.core import charging
from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.charging import charge_of
from gateway_proxy.core.decisions import Bucket
from gateway_proxy.core.messages import HeldUpload, Incoming
from gateway_proxy.core.table import Limit, Route, RouteTable
from opencore.claims import AccessClaims
from tests.gateway_proxy.finding import program

ADA = UUID("01900000-0000-7000-8000-00000000000a")
ACME = UUID("01900000-0000-7000-8000-0000000000ac")
OTHER = UUID("01900000-0000-7000-8000-0000000000ff")
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
CLAIMS = AccessClaims(
    user_id=ADA,
    session_id=ADA,
    role="user",
    issued_at=MOMENT,
    expires_at=MOMENT,
    key_id="k",
    org_ids=(ACME,),
)
ROUTE = Route("/orgs")


def limit(name: str, burst: int, *, shadow: bool = False) -> Limit:
    return Limit(Policy(name, 1.0, burst), shadow=shadow)


LIMITS = {
    name: limit(name, burst)
    for burst, name in enumerate(("address", "network", "user", "org"), start=1)
}
TABLE = RouteTable(version=1, routes=(ROUTE,), limits=LIMITS)


def no_upload(limit: int) -> HeldUpload:
    raise AssertionError("a charge needs no body")


def incoming(path: str = "/orgs") -> Incoming:
    return Incoming(
        method="GET",
        path=path,
        query="",
        headers=(),
        scheme="https",
        host="api.example.com",
        peer="10.0.0.1",
        sender="2001:db8::7",
        client="2001:db8::/64",
        request_id="request-1",
        length=0,
        upload=no_upload,
    )


def bursts(buckets: tuple[Bucket, ...]) -> dict[str, int]:
    return {bucket.key: bucket.policy.burst for bucket in buckets}


def test_without_a_token_the_address_is_charged() -> None:
    charge = charge_of(incoming(), ROUTE, None, TABLE)

    assert bursts(charge.buckets) == {
        "address:2001:db8::/64": 1,
        "network:2001:db8::/64": 2,
    }
    assert charge.claims is None


def test_with_a_token_the_user_is_charged_and_the_network() -> None:
    charge = charge_of(incoming(), ROUTE, CLAIMS, TABLE)

    assert bursts(charge.buckets) == {f"user:{ADA}": 3, "network:2001:db8::/64": 2}
    assert charge.claims is CLAIMS


def test_an_api_key_is_charged_and_its_organization_whatever_the_path() -> None:
    key = program(ACME)

    charge = charge_of(incoming("/billing"), ROUTE, key, TABLE)

    assert bursts(charge.buckets) == {
        f"user:key:{key.key_id}": 3,
        "network:2001:db8::/64": 2,
        f"org:{ACME}": 4,
    }
    assert charge.claims is key


def test_an_api_key_has_the_plan_of_its_organization() -> None:
    key = program(ACME)
    pro = {"user": limit("user", 70), "org": limit("org", 80)}
    table = replace(TABLE, plans={"pro": pro}, plan_of={ACME: "pro"})

    charge = charge_of(incoming(), ROUTE, key, table)

    assert bursts(charge.buckets) == {
        f"user:key:{key.key_id}": 70,
        "network:2001:db8::/64": 2,
        f"org:{ACME}": 80,
    }


@pytest.mark.parametrize(
    ("path", "charged"),
    [
        (f"/orgs/{ACME}", True),
        (f"/orgs/{ACME}/members", True),
        # Nobody empties the bucket of an organization that is not theirs.
        (f"/orgs/{OTHER}", False),
        (f"/orgs/x{ACME}", False),
        ("/orgs", False),
    ],
)
def test_an_organization_is_charged_by_its_members_alone(
    path: str, charged: bool
) -> None:
    charge = charge_of(incoming(path), ROUTE, CLAIMS, TABLE)

    assert (f"org:{ACME}" in bursts(charge.buckets)) is charged
    assert f"org:{OTHER}" not in bursts(charge.buckets)


def test_a_plan_overrides_the_table() -> None:
    table = replace(
        TABLE,
        plans={
            "pro": {"user": limit("user", 300)},
            "solo": {"user": limit("user", 30)},
        },
        plan_of={ACME: "pro"},
    )
    own = replace(table, plan_of={ACME: "pro", ADA: "solo"})

    by_org = charge_of(incoming(f"/orgs/{ACME}"), ROUTE, CLAIMS, table)
    by_user = charge_of(incoming(f"/orgs/{ACME}"), ROUTE, CLAIMS, own)

    assert bursts(by_org.buckets)[f"user:{ADA}"] == 300
    assert bursts(by_org.buckets)[f"org:{ACME}"] == 4
    assert bursts(by_user.buckets)[f"user:{ADA}"] == 30


def test_a_routes_own_limit_wins_and_has_its_own_bucket() -> None:
    route = Route(
        "/orgs",
        cost=2,
        when_down="closed",
        limits={"user": limit("user", 7), "route": limit("route", 9, shadow=True)},
    )
    table = replace(
        TABLE, plans={"pro": {"user": limit("user", 300)}}, plan_of={ADA: "pro"}
    )

    charge = charge_of(incoming(), route, CLAIMS, table)

    assert bursts(charge.buckets) == {
        f"user:{ADA}/orgs": 7,
        "network:2001:db8::/64": 2,
        "route:/orgs": 9,
    }
    assert [bucket.shadow for bucket in charge.buckets] == [False, False, True]
    assert (charge.cost, charge.when_down) == (2, "closed")


def test_who_asks_again_with_a_token_is_charged_by_the_same_charge() -> None:
    table = replace(TABLE, routes=(ROUTE, Route("/billing")))
    first = charge_of(incoming(), ROUTE, CLAIMS, table)

    assert charge_of(incoming("/orgs/x"), ROUTE, CLAIMS, table) is first
    assert first == charge_of(incoming(), ROUTE, replace(CLAIMS), table)


@pytest.mark.parametrize(
    ("path", "client", "route", "claims", "table"),
    [
        (f"/orgs/{ACME}", "2001:db8::/64", ROUTE, CLAIMS, TABLE),
        ("/orgs", "2001:db8:1::/64", ROUTE, CLAIMS, TABLE),
        ("/orgs", "2001:db8::/64", Route("/billing", cost=2), CLAIMS, TABLE),
        ("/orgs", "2001:db8::/64", ROUTE, replace(CLAIMS, user_id=OTHER), TABLE),
        ("/orgs", "2001:db8::/64", ROUTE, replace(CLAIMS, session_id=OTHER), TABLE),
        ("/orgs", "2001:db8::/64", ROUTE, CLAIMS, replace(TABLE, limits={})),
    ],
    ids=["an organization", "an address", "a route", "a user", "a session", "a table"],
)
def test_what_differs_is_charged_by_another(
    path: str, client: str, route: Route, claims: AccessClaims, table: RouteTable
) -> None:
    known = charge_of(incoming(), ROUTE, CLAIMS, TABLE)
    asked = replace(incoming(path), client=client)

    assert charge_of(asked, route, claims, table) != known


def test_charges_are_kept_of_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "MOST_KEPT", 2)
    table = replace(TABLE)

    for _ in range(5):
        charge_of(incoming(), ROUTE, replace(CLAIMS), table)

    assert len(table.charges) <= 2


def test_a_table_without_limits_charges_nothing() -> None:
    table = replace(TABLE, limits={})

    assert charge_of(incoming(), ROUTE, CLAIMS, table).buckets == ()


ROUTES = RouteTable(
    version=1, routes=(Route("/auth"), Route("/auth/otp"), Route("/a/b/c"))
)


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/auth", "/auth"),
        ("/auth/", "/auth"),
        ("/auth/x/y", "/auth"),
        ("/auth/otp", "/auth/otp"),
        ("/auth/otp/verify", "/auth/otp"),
        ("/auth/otpx", "/auth"),
        ("/a/b/c/d/e", "/a/b/c"),
        ("/a/b", None),
        ("/", None),
        ("", None),
        ("*", None),
        ("auth", None),
        ("//auth", None),
        ("/Auth", None),
        ("/%61uth", None),
    ],
)
def test_the_longest_prefix_of_whole_segments_is_the_route(
    path: str, prefix: str | None
) -> None:
    found = ROUTES.find(path)

    assert (found.prefix if found else None) == prefix

"""Route tables as documents: nothing is lost, and what is wrong is named."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings

from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.documents import (
    TableInvalid,
    changed,
    document_of,
    merged,
    parse_document,
    table_of,
)
from gateway_proxy.core.table import Limit, Route, RouteTable
from tests.gateway_proxy.documents import smallest, tables

ADA = "11111111-1111-4111-8111-111111111111"


@given(tables())
@settings(max_examples=100, deadline=None)
def test_a_table_survives_being_written_and_read(table: RouteTable) -> None:
    text = json.dumps(document_of(table))

    assert table_of(parse_document(text)) == table


@given(tables(), tables())
@settings(max_examples=50, deadline=None)
def test_a_whole_table_laid_over_itself_changes_nothing(
    table: RouteTable, other: RouteTable
) -> None:
    document = document_of(table)
    del document["version"]

    assert changed(table, document, table.version) == table


def test_what_a_route_leaves_out_is_what_a_route_has_by_itself() -> None:
    assert table_of(smallest()).routes == (Route("/billing"),)


def test_routes_of_a_document_stand_in_the_order_of_their_prefixes() -> None:
    document = smallest(routes={"/users": {}, "/auth/otp": {}, "/auth": {}})

    prefixes = [route.prefix for route in table_of(document).routes]

    assert prefixes == ["/auth", "/auth/otp", "/users"]


def test_a_route_that_is_not_enabled_is_not_in_the_table() -> None:
    document = smallest(routes={"/billing": {}, "/users": {"enabled": False}})

    assert table_of(document).routes == (Route("/billing"),)


def test_plans_and_their_holders_are_read() -> None:
    limit = {"rate": 100, "burst": 200, "shadow": True}
    document = smallest(plans={"pro": {"user": limit}}, plan_of={ADA: "pro"})

    table = table_of(document)

    assert table.plans == {
        "pro": {"user": Limit(Policy("user", 100.0, 200), shadow=True)}
    }
    assert table.plan_of == {UUID(ADA): "pro"}


def test_changes_leave_alone_what_they_do_not_name() -> None:
    routes = {"/billing": {"upstreams": ["http://billing:8000"], "cost": 2}}
    table = table_of(smallest(routes=routes))

    after = changed(table, {"routes": {"/billing": {"cost": 5}}}, 7)

    assert after.version == 7
    assert after.routes == (Route("/billing", ("http://billing:8000",), cost=5),)
    assert after.limits == table.limits


def test_a_null_takes_a_name_away_and_a_list_replaces_a_list() -> None:
    before = {"a": {"b": 1, "c": [1, 2]}, "d": 1}

    after = merged(before, {"a": {"b": None, "c": [3]}, "e": {"f": {}}})

    assert after == {"a": {"c": [3]}, "d": 1, "e": {"f": {}}}
    assert before == {"a": {"b": 1, "c": [1, 2]}, "d": 1}


def route(**fields: object) -> Mapping[str, Any]:
    return {"routes": {"/billing": fields}}


def prefix(text: str) -> Mapping[str, Any]:
    return {"routes": {"/users": {}, text: {}}}


@pytest.mark.parametrize(
    ("wrong", "pointer", "code", "said"),
    [
        ({"rutes": {}}, "/rutes", "unknown", "There is no such field."),
        (route(weight=1), "/routes/~1billing/weight", "unknown", "no such field"),
        (route(cost="1"), "/routes/~1billing/cost", "int_type", "valid integer"),
        (route(cost=True), "/routes/~1billing/cost", "int_type", "valid integer"),
        (route(cost=0), "/routes/~1billing/cost", "greater_than_equal", "to 1."),
        (route(cost=51), "/routes/~1billing/cost", "too_dear", "more than 50."),
        (route(when_down="ajar"), "/routes/~1billing/when_down", "literal_error", ""),
        (
            route(body_limit=-1),
            "/routes/~1billing/body_limit",
            "greater_than_equal",
            "",
        ),
        (
            route(timeouts={"head": 0}),
            "/routes/~1billing/timeouts/head",
            "greater_than",
            "greater than 0.",
        ),
        (
            route(timeouts={"head": 31.0}),
            "/routes/~1billing/timeouts/whole",
            "too_short",
            "no less time",
        ),
        (route(upstreams=[]), "/routes/~1billing/upstreams", "too_short", ""),
        (
            route(upstreams=["local", "http://a"]),
            "/routes/~1billing/upstreams",
            "mixed",
            "not to both",
        ),
        (
            route(upstreams=["http://a", "http://a"]),
            "/routes/~1billing/upstreams",
            "duplicate",
            "stands twice",
        ),
        (
            route(public=["POST /users"]),
            "/routes/~1billing/public/0",
            "outside",
            "/users belongs to no route, so /billing can't make it public.",
        ),
        (route(public=["/billing"]), "/routes/~1billing/public/0", "public", ""),
        (route(public=["TRACE /billing"]), "/routes/~1billing/public/0", "public", ""),
        (route(public=["GET /billing?a"]), "/routes/~1billing/public/0", "public", ""),
        (
            route(limits={"plan": {"rate": 1, "burst": 1}}),
            "/routes/~1billing/limits/plan",
            "literal_error",
            "'address', 'network', 'user', 'org' or 'route'",
        ),
        ({"routes": {}}, "/routes", "empty", "at least one route"),
        ({"limits": {}}, "/limits/address", "required", "all four limits"),
        (
            {"limits": {"user": {"rate": 0, "burst": 1}}},
            "/limits/user/rate",
            "greater_than",
            "",
        ),
        (
            {"limits": {"user": {"rate": float("inf"), "burst": 1}}},
            "/limits/user/rate",
            "finite_number",
            "",
        ),
        ({"limits": {"user": {"rate": 1}}}, "/limits/user/burst", "required", ""),
        ({"plans": {"Pro": {}}}, "/plans/Pro", "name", "Use up to 63"),
        ({"plans": {"a": {"network": {}}}}, "/plans/a/network", "literal_error", ""),
        (
            {"plan_of": {ADA: "gold"}},
            f"/plan_of/{ADA}",
            "unknown_plan",
            "no plan 'gold'",
        ),
        ({"plan_of": {"ada": "gold"}}, "/plan_of/ada", "uuid_parsing", ""),
        ({"version": -1}, "/version", "greater_than_equal", ""),
        (prefix("billing"), "/routes/billing", "prefix", "whole segments"),
        (prefix("/billing/"), "/routes/~1billing~1", "prefix", ""),
        (prefix("/a//b"), "/routes/~1a~1~1b", "prefix", ""),
        (prefix("/a/../b"), "/routes/~1a~1..~1b", "prefix", ""),
        (prefix("/a/."), "/routes/~1a~1.", "prefix", ""),
        (prefix("/Billing"), "/routes/~1Billing", "prefix", ""),
        (prefix("/b%69lling"), "/routes/~1b%69lling", "prefix", ""),
        (prefix("/"), "/routes/~1", "prefix", ""),
        (prefix("/admin/x"), "/routes/~1admin~1x", "reserved", "OpenCore's own"),
        (prefix("/v1"), "/routes/~1v1", "reserved", ""),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    wrong: dict[str, Any], pointer: str, code: str, said: str
) -> None:
    with pytest.raises(TableInvalid) as refused:
        table_of(smallest(**wrong))

    first = refused.value.errors[0]
    assert (first.pointer, first.code) == (pointer, code)
    assert said in first.detail
    assert pointer in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://a",
        "http://",
        "http://a:0",
        "http://a:99999",
        "http://user:secret@a",
        "http://a/?b",
        "http://a/#b",
        "http://a b",
        "http://a\n",
        "http://169.254.169.254",
        "http://0.0.0.0:80",
        "http://[fe80::1]",
        "unix:relative.sock",
        "unix:",
        "billing:8000",
        "LOCAL",
    ],
)
def test_an_address_that_is_no_upstream_is_refused(address: str) -> None:
    with pytest.raises(TableInvalid) as refused:
        table_of(smallest(**route(upstreams=[address])))

    assert [error.code for error in refused.value.errors] == ["upstream"]


@pytest.mark.parametrize(
    "address",
    ["local", "http://a:80/b", "https://10.0.0.1", "unix:/run/a.sock", "unix:/a:/v1"],
)
def test_an_address_that_is_an_upstream_is_taken(address: str) -> None:
    table = table_of(smallest(**route(upstreams=[address])))

    assert table.routes == (Route("/billing", (address,)),)


def test_a_path_that_a_deeper_route_serves_is_made_public_there() -> None:
    routes = {"/auth": {"public": ["POST /auth/otp"]}, "/auth/otp": {}}

    with pytest.raises(TableInvalid) as refused:
        table_of(smallest(routes=routes))

    (error,) = refused.value.errors
    assert (error.pointer, error.code) == ("/routes/~1auth/public/0", "outside")
    assert error.detail == (
        "/auth/otp belongs to the route /auth/otp, so /auth can't make it public."
    )


def test_nothing_costs_more_than_a_plans_bucket_holds() -> None:
    plans = {"free": {"user": {"rate": 1, "burst": 4}}}

    with pytest.raises(TableInvalid) as refused:
        table_of(smallest(**route(cost=5), plans=plans))

    (error,) = refused.value.errors
    assert error.detail == (
        "It costs 5, but the limit user of the plan free never holds more than 4."
    )


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(TableInvalid) as refused:
        table_of(smallest(**route(cost=0, weight=1)))

    assert {error.code for error in refused.value.errors} == {
        "greater_than_equal",
        "unknown",
    }
    assert str(refused.value).endswith("(and 1 more)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"routes": {"/a": {}, "/a": {}}}', "'/a' stands twice in one object"),
        ('{"rate": NaN}', "NaN is no number"),
        ("{", "Expecting property name"),
        ("[" * 100_000, "recursion"),
        ("[]", "Use a JSON object."),
        (b"\xff", "decode"),
    ],
    ids=["twice", "NaN", "cut off", "deep", "list", "no UTF-8"],
)
def test_a_text_that_is_no_document_is_refused(text: str | bytes, said: str) -> None:
    with pytest.raises(TableInvalid, match=said):
        parse_document(text)


def test_changes_name_no_version() -> None:
    with pytest.raises(TableInvalid, match="/version"):
        changed(table_of(smallest()), {"version": 9}, 1)


def test_a_table_may_not_be_anything_else() -> None:
    with pytest.raises(TableInvalid, match="the whole document"):
        table_of([])

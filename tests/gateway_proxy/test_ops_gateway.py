"""The route table over REST: shown, changed as it was previewed, taken back."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from gateway_proxy.board import Board, Sighting
from gateway_proxy.models import TableVersion
from gateway_proxy.plantokens import LIVES_FOR
from gateway_proxy.selectors import Published, latest_published
from tests.api import Api, assert_problem, body_of
from tests.gateway_proxy.publishing import COST_FIVE, WHY, publish
from tests.gateway_proxy.redis_server import RedisServer
from tests.ports import free_port

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = "/v1/ops/gateway"
ACME, ADA = uuid4(), uuid4()
PLANS = {
    "plans": {"pro": {"user": {"rate": 100.0, "burst": 200}}},
    "plan_of": {str(ACME): "pro", str(ADA): "pro"},
}


@pytest.fixture(autouse=True)
def _board(settings: Settings, redis_server: RedisServer) -> None:
    settings.REDIS_URL = redis_server.url


@pytest.fixture
def grace() -> Api:
    """An operator."""
    return Api(uuid4(), role="operator")


def plan(api: Api, **asked: object) -> Any:  # noqa: ANN401 -- JSON is any shape
    response = api.post(f"{ROOT}/changes", asked)
    assert response.status_code == 200
    return body_of(response)


def decision(token: str) -> dict[str, str]:
    return {"plan_token": token, "reason": WHY}


def show(api: Api, path: str) -> Any:  # noqa: ANN401 -- as above
    response = api.get(f"{ROOT}/{path}")
    assert response.status_code == 200
    return body_of(response)


def test_a_key_that_is_none_is_refused_where_none_is_needed(grace: Api) -> None:
    for path in (f"{ROOT}/changes", "/v1/ops/eventing/replays"):
        response = grace.post(path, {}, key="k" * 256)

        assert_problem(response, 400, "idempotency_key_required")


def test_a_plan_says_what_would_be_different_and_changes_nothing(grace: Api) -> None:
    planned = plan(grace, change=COST_FIVE)

    assert planned["based_on"] == 0
    assert planned["differences"] == [
        {"pointer": "/routes/~1billing/cost", "before": 1, "after": 5}
    ]
    assert TableVersion.objects.count() == 0


def test_what_was_previewed_is_published(grace: Api) -> None:
    token = plan(grace, change=COST_FIVE)["plan_token"]

    response = grace.post(f"{ROOT}/changes", decision(token), key="k1")

    version = body_of(response)
    assert response.status_code == 201
    assert response["Location"] == f"{ROOT}/versions/1"
    assert (version["version"], version["changes"]) == (1, COST_FIVE)
    assert (version["actor"], version["reason"]) == (str(grace.user_id), WHY)
    assert show(grace, "versions/1") == version
    assert latest_published() == Published(1, COST_FIVE)


def test_publishing_again_with_the_same_key_publishes_once(grace: Api) -> None:
    token = plan(grace, change=COST_FIVE)["plan_token"]
    first = grace.post(f"{ROOT}/changes", decision(token), key="k1")

    again = grace.post(f"{ROOT}/changes", decision(token), key="k1")

    assert again["Idempotency-Replayed"] == "true"
    assert body_of(again) == body_of(first)
    assert TableVersion.objects.count() == 1


def test_a_plan_is_refused_once_another_version_is_there(grace: Api) -> None:
    token = plan(grace, change=COST_FIVE)["plan_token"]
    publish({"routes": {"/users": {"cost": 2}}})

    response = grace.post(f"{ROOT}/changes", decision(token), key="k1")

    assert_problem(response, 409, "table_moved")
    assert latest_published().version == 1


def test_a_plan_is_its_operators_alone(grace: Api) -> None:
    token = plan(grace, change=COST_FIVE)["plan_token"]
    ada = Api(uuid4(), role="operator")

    response = ada.post(f"{ROOT}/changes", decision(token), key="k1")

    assert_problem(response, 400, "plan_token_invalid")
    assert TableVersion.objects.count() == 0


def test_a_plan_gets_too_old(grace: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = plan(grace, change=COST_FIVE)["plan_token"]
    later = timezone.now() + LIVES_FOR + timedelta(seconds=2)
    monkeypatch.setattr(
        "django.core.signing.time", SimpleNamespace(time=later.timestamp)
    )

    response = grace.post(f"{ROOT}/changes", decision(token), key="k1")

    assert_problem(response, 409, "plan_gone")


def test_a_change_that_would_break_the_table_says_where(grace: Api) -> None:
    response = grace.post(
        f"{ROOT}/changes",
        {"change": {"routes": {"/billing": {"cost": 0, "wait": 1}}}},
    )

    assert_problem(
        response,
        400,
        "validation_error",
        "/routes/~1billing/cost",
        "/routes/~1billing/wait",
    )


def test_a_change_that_changes_nothing_is_refused(grace: Api) -> None:
    token = plan(grace, change={})["plan_token"]

    response = grace.post(f"{ROOT}/changes", decision(token), key="k1")

    assert_problem(response, 409, "nothing_to_change")


@pytest.mark.parametrize(
    "body", [{}, [], {"change": []}, {"restores": -1}, {"change": {}, "more": 1}]
)
def test_what_is_no_change_is_refused(grace: Api, body: object) -> None:
    response = grace.post(f"{ROOT}/changes", body)

    assert response.status_code == 400
    assert body_of(response)["code"] == "validation_error"


def test_an_older_version_is_brought_back(grace: Api) -> None:
    publish(COST_FIVE)
    publish({"routes": {"/billing": {"cost": 7}}})
    planned = plan(grace, restores=1)

    restored = body_of(
        grace.post(f"{ROOT}/changes", decision(planned["plan_token"]), key="k1")
    )

    assert planned["differences"][0]["after"] == 5
    assert (restored["version"], restored["restores"]) == (3, 1)
    assert latest_published() == Published(3, COST_FIVE)


def test_a_version_that_never_was_is_not_brought_back(grace: Api) -> None:
    assert_problem(grace.post(f"{ROOT}/changes", {"restores": 9}), 404, "not_found")


def test_the_table_is_shown_with_what_was_changed(grace: Api) -> None:
    publish(COST_FIVE)

    shown = show(grace, "table")

    assert (shown["version"], shown["changes"]) == (1, COST_FIVE)
    assert shown["table"]["routes"]["/billing"]["cost"] == 5
    assert shown["table"]["limits"]["org"] == {
        "rate": 100.0,
        "burst": 200,
        "shadow": False,
    }


def test_routes_say_whether_they_are_as_the_settings_say(grace: Api) -> None:
    publish(COST_FIVE)

    routes = {route["prefix"]: route for route in show(grace, "routes")["data"]}

    assert (routes["/billing"]["changed"], routes["/billing"]["cost"]) == (True, 5)
    assert (routes["/users"]["changed"], routes["/users"]["cost"]) == (False, 1)


def test_plans_say_how_many_have_them(grace: Api) -> None:
    publish(PLANS)

    (pro,) = show(grace, "plans")["data"]

    assert (pro["name"], pro["assignments"]) == ("pro", 2)
    assert pro["limits"]["user"]["burst"] == 200


def test_assignments_are_listed_and_found(grace: Api) -> None:
    publish(PLANS)

    everybody = show(grace, "assignments?limit=1")
    found = show(grace, f"assignments?subject_id={ACME}")

    assert (len(everybody["data"]), everybody["has_more"]) == (1, True)
    assert found["data"] == [{"subject_id": str(ACME), "plan": "pro"}]


def test_versions_are_listed_from_the_latest_on(grace: Api) -> None:
    publish(COST_FIVE)
    publish(PLANS, reason="acme pays")

    listed = show(grace, "versions")["data"]

    assert [(one["version"], one["reason"]) for one in listed] == [
        (2, "acme pays"),
        (1, WHY),
    ]


def test_it_is_shown_which_version_each_process_runs(grace: Api) -> None:
    publish(COST_FIVE)
    with Board.of_settings() as board:
        board.sign(Sighting("host:1", 1))
        board.sign(Sighting("host:2", 0))

    shown = show(grace, "live")

    assert (shown["version"], shown["reachable"]) == (1, True)
    assert shown["data"] == [
        {"process": "host:1", "version": 1},
        {"process": "host:2", "version": 0},
    ]


def test_without_redis_nobody_knows_what_processes_run(
    grace: Api, settings: Settings
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"

    assert show(grace, "live") == {"data": [], "version": 0, "reachable": False}


@pytest.mark.parametrize(
    "path",
    ["table", "routes", "plans", "assignments", "versions", "versions/1", "live"],
)
def test_only_operators_see_the_table(path: str) -> None:
    assert_problem(Api(uuid4()).get(f"{ROOT}/{path}"), 403, "forbidden")


def test_only_operators_change_the_table() -> None:
    response = Api(uuid4()).post(f"{ROOT}/changes", {"change": COST_FIVE})

    assert_problem(response, 403, "forbidden")

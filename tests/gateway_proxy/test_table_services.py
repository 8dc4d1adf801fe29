"""Changes of the route table: looked at as a whole, stored as a whole, taken back."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from pytest_django import Settings

from gateway_proxy.core.documents import TableInvalid
from gateway_proxy.errors import (
    NothingToChange,
    ReasonMissing,
    TableMoved,
    VersionUnknown,
)
from gateway_proxy.models import Limit, Plan, PlanAssignment, Route, TableVersion
from gateway_proxy.selectors import Published, latest_published
from gateway_proxy.services import (
    Preview,
    hang_latest,
    preview_change,
    preview_restore,
    publish_table,
)
from gateway_proxy.tasks import hang_table
from opencore.celery import app
from tests.gateway_proxy.publishing import COST_FIVE, WHY, publish
from tests.gateway_proxy.redis_server import RedisServer
from tests.opencore.conftest import open_session
from tests.ports import free_port

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 30.0
ACME = uuid4()
PRO = {"user": {"rate": 100.0, "burst": 200, "shadow": False}}


@pytest.fixture(autouse=True)
def _board(settings: Settings, redis_server: RedisServer) -> None:
    settings.REDIS_URL = redis_server.url


def hung(redis_server: RedisServer) -> tuple[int, Any]:
    """Return which version hangs in Redis, and its changes."""
    with redis_server.client() as client:
        found = client.hgetall("gateway:table")
    assert isinstance(found, dict)
    return int(found["version"]), json.loads(found["changes"])


def test_a_published_change_is_kept_with_who_and_why() -> None:
    publish(COST_FIVE)

    version = TableVersion.objects.get()
    assert (version.version, version.changes) == (1, COST_FIVE)
    assert (version.actor, version.reason) == ("grace", WHY)


def test_a_published_change_hangs_in_redis(redis_server: RedisServer) -> None:
    publish(COST_FIVE)

    assert hung(redis_server) == (1, COST_FIVE)


def test_what_is_not_committed_hangs_nowhere(redis_server: RedisServer) -> None:
    publish(COST_FIVE)

    with transaction.atomic():
        publish({"routes": {"/billing": {"cost": 6}}})
        transaction.set_rollback(True)

    assert hung(redis_server) == (1, COST_FIVE)
    assert latest_published() == Published(1, COST_FIVE)


def test_a_change_lies_over_what_was_changed_before() -> None:
    publish(COST_FIVE)
    publish({"routes": {"/billing": {"body_limit": 10}, "/users": {"cost": 2}}})

    publish({"routes": {"/users": None}})

    assert latest_published() == Published(
        3, {"routes": {"/billing": {"cost": 5, "body_limit": 10}}}
    )


def test_rows_say_what_the_latest_version_changes() -> None:
    publish({"plans": {"free": {}}, "plan_of": {str(uuid4()): "free"}})
    publish(
        {
            "routes": {
                "/reports": {
                    "upstreams": ["http://reports:8000"],
                    "timeouts": {"head": 3.0},
                    "limits": {"route": {"rate": 5, "burst": 9}},
                }
            },
            "limits": {"address": {"shadow": True}},
            "plans": {"free": None, "pro": PRO},
            "plan_of": None,
        }
    )

    publish({"plan_of": {str(ACME): "pro"}})

    route = Route.objects.get()
    assert (route.prefix, route.upstreams) == ("/reports", ["http://reports:8000"])
    assert (route.cost, route.head_timeout, route.whole_timeout) == (None, 3.0, None)
    assert Plan.objects.get().name == "pro"
    assert PlanAssignment.objects.get().subject_id == ACME
    assert set(
        Limit.objects.values_list("route_id", "plan_id", "name", "rate", "shadow")
    ) == {
        (route.id, None, "route", 5.0, None),
        (None, None, "address", None, True),
        (None, "pro", "user", 100.0, False),
    }


def test_an_assignment_moves_to_another_plan() -> None:
    plans = {"plans": {"free": {}, "pro": PRO}}
    publish({**plans, "plan_of": {str(ACME): "free"}})

    publish({"plan_of": {str(ACME): "pro"}})

    assert PlanAssignment.objects.values_list("plan_id").get() == ("pro",)


def test_a_preview_says_what_would_be_different_and_stores_nothing() -> None:
    preview = preview_change(
        change={
            "routes": {"/billing": {"cost": 5}, "/reports": {}},
            "limits": {"address": {"shadow": True}},
        }
    )

    assert [str(each) for each in preview.differences] == [
        "~ /limits/address/shadow false -> true",
        "~ /routes/~1billing/cost 1 -> 5",
        "+ /routes/~1reports {}",
    ]
    assert preview.table.find("/reports/1") is not None
    assert (TableVersion.objects.count(), Route.objects.count()) == (0, 0)


def test_the_whole_resulting_table_is_looked_at() -> None:
    publish({"routes": {"/billing": {"cost": 50}}})

    with pytest.raises(TableInvalid, match="It costs 50"):
        publish({"limits": {"user": {"burst": 40}}})

    assert TableVersion.objects.count() == 1


def test_no_upstream_is_told_by_tokens_who_asks_without_a_key(
    settings: Settings,
) -> None:
    change = {"routes": {"/billing": {"identity": "token"}}}
    publish(change)
    settings.JWT_INTERNAL_SIGNING_KEY = ""

    with pytest.raises(TableInvalid) as refusal:
        publish({"routes": {"/orgs": {"cost": 2}}})

    (problem,) = refusal.value.errors
    assert (problem.pointer, problem.code) == ("/routes/~1billing/identity", "no_key")


def test_what_moved_since_it_was_looked_at_is_not_published() -> None:
    preview = preview_change(change=COST_FIVE)
    publish({"routes": {"/users": {"cost": 2}}})

    with pytest.raises(TableMoved):
        publish_table(preview=preview, actor="ada", reason=WHY)

    assert latest_published().version == 1


def test_of_two_that_publish_at_once_the_second_waits_and_is_refused() -> None:
    preview = preview_change(change=COST_FIVE)
    with open_session() as first, ThreadPoolExecutor(1) as threads:
        first.execute("begin")
        first.execute(
            "insert into gateway_table_version (version, changes, actor, reason)"
            " values (1, '{}', 'ada', 'quicker')"
        )
        second = threads.submit(attempt, preview)
        wait_for_somebody_who_waits()
        first.execute("commit")

        assert second.result() == "moved"

    assert TableVersion.objects.get().actor == "ada"
    assert Route.objects.count() == 0


def attempt(preview: Preview) -> str:
    try:
        publish_table(preview=preview, actor="grace", reason=WHY)
    except TableMoved:
        return "moved"
    finally:
        connection.close()
    return "published"


def wait_for_somebody_who_waits() -> None:
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
    give_up = monotonic() + PATIENCE
    with open_session() as watching:
        while watching.execute(waiting).fetchone() == (0,):
            assert monotonic() < give_up
            Event().wait(0.01)


def test_publishing_what_is_so_already_is_refused() -> None:
    publish(COST_FIVE)

    with pytest.raises(NothingToChange):
        publish(COST_FIVE)


@pytest.mark.parametrize(("actor", "reason"), [("", WHY), ("ada", "  ")])
def test_nothing_is_published_without_a_name_and_a_reason(
    actor: str, reason: str
) -> None:
    with pytest.raises(ReasonMissing):
        publish_table(
            preview=preview_change(change=COST_FIVE), actor=actor, reason=reason
        )

    assert (TableVersion.objects.count(), Route.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("to", "changes", "costs"), [(1, COST_FIVE, [5]), (0, {}, [])], ids=["one", "none"]
)
def test_an_older_version_is_brought_back_as_a_new_one(
    to: int, changes: dict[str, Any], costs: list[int]
) -> None:
    publish(COST_FIVE)
    publish({"routes": {"/billing": {"cost": 7}}})

    restored = publish_table(
        preview=preview_restore(version=to), actor="grace", reason="too dear"
    )

    assert (restored.version, restored.restores) == (3, to)
    assert latest_published() == Published(3, changes)
    assert list(Route.objects.values_list("cost", flat=True)) == costs


def test_a_version_that_never_was_is_not_brought_back() -> None:
    with pytest.raises(VersionUnknown):
        preview_restore(version=7)


def test_a_version_is_never_changed() -> None:
    publish(COST_FIVE)

    with pytest.raises(DatabaseError, match="only ever added"):
        TableVersion.objects.update(reason="another")


def test_a_redis_that_is_away_keeps_nobody_from_publishing(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"

    publish(COST_FIVE)

    assert latest_published().version == 1
    assert "redis did not take the route table" in caplog.messages


def test_an_emptied_redis_learns_the_table_again(redis_server: RedisServer) -> None:
    publish(COST_FIVE)
    with redis_server.client() as client:
        client.flushall()

    hang_table()

    assert hung(redis_server) == (1, COST_FIVE)


def test_beat_lets_redis_learn_the_table_each_minute() -> None:
    entry = app.conf.beat_schedule["gateway-hang-table"]

    assert (entry["task"], entry["schedule"]) == (hang_table.name, 60)


def test_nothing_hangs_in_redis_before_something_is_published(
    redis_server: RedisServer,
) -> None:
    assert hang_latest() is True

    with redis_server.client() as client:
        assert client.exists("gateway:table") == 0


def test_a_version_that_comes_meanwhile_is_hung_last(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(COST_FIVE)
    looks = iter([Published(1, COST_FIVE), Published(2, {}), Published(2, {})])
    monkeypatch.setattr("gateway_proxy.services.latest_published", lambda: next(looks))

    hang_latest()

    assert hung(redis_server) == (2, {})


def of_table(**fields: object) -> Callable[[], object]:
    return lambda: Limit.objects.create(name="user", **fields)


@pytest.mark.parametrize(
    ("deed", "rule"),
    [
        (lambda: Route.objects.create(prefix="/A"), "gateway_prefix_is_whole_segments"),
        (
            lambda: Route.objects.create(prefix="/a", cost=0),
            "gateway_route_costs_something",
        ),
        (
            lambda: Route.objects.create(prefix="/a", when_down="ajar"),
            "gateway_route_knows_what_without_redis",
        ),
        (
            lambda: Route.objects.create(prefix="/a", head_timeout=0),
            "gateway_timeouts_are_positive",
        ),
        (lambda: Plan.objects.create(name="Pro"), "gateway_plan_has_a_name"),
        (of_table(rate=0), "gateway_limit_lets_something_through"),
        (
            lambda: Limit.objects.create(name="route", rate=1, burst=1),
            "gateway_limit_fits_its_owner",
        ),
        (
            lambda: [Limit.objects.create(name="user") for _ in range(2)],
            "gateway_one_limit_of_a_name",
        ),
        (
            lambda: Limit.objects.create(
                name="user", plan=Plan.objects.create(name="pro")
            ),
            "gateway_limit_of_its_own_has_numbers",
        ),
        (
            lambda: TableVersion.objects.create(
                version=0, changes={}, actor="ada", reason=WHY
            ),
            "gateway_versions_begin_at_one",
        ),
        (
            lambda: TableVersion.objects.create(
                version=1, changes={}, actor="ada", reason=""
            ),
            "gateway_version_has_an_actor_and_a_reason",
        ),
    ],
)
def test_postgresql_refuses_rows_that_no_table_can_have(
    deed: Callable[[], object], rule: str
) -> None:
    with pytest.raises(IntegrityError, match=rule):
        deed()


def test_an_assignment_needs_a_plan_that_exists() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        PlanAssignment.objects.create(subject_id=UUID(int=1), plan_id="gold")

"""Replays over REST: planned, decided as they were planned, and canceled."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from opencore.ids import uuid7
from outbox import plantokens
from outbox.models import DeadLetter, OutboxEvent, Replay
from outbox.replay.background import run_waiting
from outbox.replay.operations import PLANS_LIVE_FOR
from tests.api import Api, assert_problem, body_of
from tests.outbox.letters import outcome, replay_all, store_letters

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = "/v1/ops/eventing"
TOPIC = "opencore.user.v1"
USER = f"{TOPIC}.user-created"
WHY = "the limit was raised"
TURN = timedelta(seconds=60)


@pytest.fixture
def grace() -> Api:
    """An operator."""
    return Api(uuid4(), role="operator")


def plan(api: Api, **asked: object) -> Any:  # noqa: ANN401 -- JSON is any shape
    response = api.post(f"{ROOT}/replays", asked)
    assert response.status_code == 200
    return body_of(response)


def decide(api: Api, token: str, *, key: str | None = "k1") -> Any:  # noqa: ANN401 -- JSON is any shape
    response = api.post(
        f"{ROOT}/replays", {"plan_token": token, "reason": WHY}, key=key
    )
    assert response.status_code == 202
    return body_of(response)


def test_a_plan_says_what_would_be_done_and_does_nothing(grace: Api) -> None:
    store_letters(3)

    planned = plan(grace, selection={"scope": "relay"}, max=2)

    assert (planned["letters"], planned["keys"], planned["by_type"]) == (
        2,
        2,
        {USER: 2},
    )
    assert planned["by_cause"] == {"event: message of # bytes is too large": 2}
    assert DeadLetter.objects.waiting().count() == 3
    assert OutboxEvent.objects.count() == 0
    assert body_of(grace.get(f"{ROOT}/replays"))["data"] == []


def test_what_was_previewed_is_what_runs(grace: Api) -> None:
    store_letters(2)
    planned = plan(grace, rate=1000.0, stop_on_failure_rate=0.5)
    late = DeadLetter(
        scope="billing",
        partition=0,
        offset=1,
        type="",
        topic=TOPIC,
        key="late",
        payload=b"",
        attempts=1,
        reason="unreadable",
        error="no JSON",
    )
    late.save()

    begun = decide(grace, planned["plan_token"])
    run_waiting(turn=TURN)
    done = body_of(grace.get(f"{ROOT}/replays/{begun['id']}"))

    assert (begun["state"], begun["planned"]) == ("queued", 2)
    assert (done["state"], done["done"], done["refused"]) == ("done", 2, 0)
    assert (done["actor"], done["reason"]) == (str(grace.user_id), WHY)
    assert (done["rate"], done["stop_on_failure_rate"]) == (1000.0, 0.5)
    assert [item["outcome"] for item in done["items"]] == ["done", "done"]
    assert DeadLetter.objects.waiting().get() == late


def test_a_letter_that_changed_since_is_refused_in_its_item(grace: Api) -> None:
    decided, again, _ = store_letters(3)
    token = plan(grace)["plan_token"]
    replay_all(ids=[decided.id])
    DeadLetter.objects.filter(id=again.id).update(failed_at=timezone.now())

    begun = decide(grace, token)
    run_waiting(turn=TURN)

    shown = body_of(grace.get(f"{ROOT}/replays/{begun['id']}"))
    reasons = {item["letter_id"]: item["detail"] for item in shown["items"]}
    assert (shown["done"], shown["refused"]) == (1, 2)
    assert reasons[str(decided.id)].startswith("It was replayed by grace@example.com")
    assert reasons[str(again.id)] == "It died again since it was looked at; plan anew."
    assert shown["items"][-1]["outcome"] == "done"


def test_a_begun_replay_says_where_it_is_found(grace: Api) -> None:
    token = plan(grace)["plan_token"]

    response = grace.post(
        f"{ROOT}/replays", {"plan_token": token, "reason": WHY}, key="k1"
    )

    assert response["Location"] == f"{ROOT}/replays/{body_of(response)['id']}"


def test_letters_can_be_discarded(grace: Api) -> None:
    store_letters(2)

    decide(grace, plan(grace, action="discard")["plan_token"])
    run_waiting(turn=TURN)

    assert DeadLetter.objects.filter(state="discarded").count() == 2
    assert OutboxEvent.objects.count() == 0


def test_a_decision_that_is_sent_twice_is_one(grace: Api) -> None:
    store_letters(1)
    token = plan(grace)["plan_token"]

    first, second = decide(grace, token), decide(grace, token)

    assert first == second
    assert Replay.objects.get().state == "queued"


def test_a_decision_needs_an_idempotency_key(grace: Api) -> None:
    body = {"plan_token": plan(grace)["plan_token"], "reason": WHY}

    response = grace.post(f"{ROOT}/replays", body)

    assert_problem(response, 400, "idempotency_key_required")
    assert Replay.objects.get().state == "planned"


def test_a_plan_is_used_once(grace: Api) -> None:
    token = plan(grace)["plan_token"]
    decide(grace, token, key="k1")

    response = grace.post(
        f"{ROOT}/replays", {"plan_token": token, "reason": WHY}, key="k2"
    )

    assert_problem(response, 409, "plan_gone")


def test_a_plan_belongs_to_the_operator_who_looked_at_it(grace: Api) -> None:
    ada, token = Api(uuid4(), role="operator"), plan(grace)["plan_token"]

    response = ada.post(
        f"{ROOT}/replays", {"plan_token": token, "reason": WHY}, key="k1"
    )

    assert_problem(response, 400, "plan_token_invalid")
    assert Replay.objects.get().state == "planned"


def test_a_token_that_was_changed_is_refused(grace: Api) -> None:
    token = plan(grace)["plan_token"]

    response = grace.post(
        f"{ROOT}/replays", {"plan_token": f"{token}x", "reason": WHY}, key="k1"
    )

    assert_problem(response, 400, "plan_token_invalid")


def test_a_token_grows_too_old(grace: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = plan(grace)["plan_token"]
    monkeypatch.setattr(plantokens, "PLANS_LIVE_FOR", -PLANS_LIVE_FOR)

    response = grace.post(
        f"{ROOT}/replays", {"plan_token": token, "reason": WHY}, key="k1"
    )

    assert_problem(response, 409, "plan_gone")
    assert Replay.objects.get().state == "planned"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, None])
def test_a_decision_needs_a_reason(grace: Api, reason: str | None) -> None:
    body = {"plan_token": plan(grace)["plan_token"], "reason": reason}

    response = grace.post(f"{ROOT}/replays", body, key="k1")

    assert_problem(response, 400, "validation_error", "/reason")
    assert Replay.objects.get().state == "planned"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        pytest.param(
            {"selection": {"typ": "x"}}, "/selection/typ", id="unknown filter"
        ),
        pytest.param({"selection": {"ids": [str(uuid7())]}}, "/selection/ids", id="id"),
        pytest.param({"action": "delete"}, "/action", id="action"),
        pytest.param({"max": 0}, "/max", id="no letters"),
        pytest.param({"max": 10_001}, "/max", id="too many letters"),
        pytest.param({"rate": 0}, "/rate", id="rate"),
        pytest.param({"stop_on_failure_rate": 2}, "/stop_on_failure_rate", id="share"),
        pytest.param({"execute": True}, "/execute", id="unknown field"),
    ],
)
def test_a_plan_that_can_not_be_meant_is_refused(
    grace: Api, asked: dict[str, object], pointer: str
) -> None:
    response = grace.post(f"{ROOT}/replays", asked)

    assert_problem(response, 400, "validation_error", pointer)
    assert Replay.objects.count() == 0


def test_a_replay_is_canceled_by_who_asks(grace: Api) -> None:
    store_letters(1)
    begun = decide(grace, plan(grace)["plan_token"])
    ada = Api(uuid4(), role="operator")

    canceled = body_of(ada.post(f"{ROOT}/replays/{begun['id']}/cancel"))

    assert (canceled["state"], canceled["canceled_by"]) == (
        "canceled",
        str(ada.user_id),
    )
    assert run_waiting(turn=TURN) == 0
    assert DeadLetter.objects.waiting().count() == 1


def test_a_replay_that_ended_is_not_canceled(grace: Api) -> None:
    operation = replay_all()

    response = grace.post(f"{ROOT}/replays/{operation.id}/cancel")

    assert_problem(response, 409, "replay_ended")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/dead-letters/{}", id="letter"),
        pytest.param("/replays/{}", id="replay"),
        pytest.param("/replays/{}/items", id="items"),
    ],
)
def test_what_is_not_there_is_not_found(grace: Api, path: str) -> None:
    assert_problem(grace.get(ROOT + path.format(uuid7())), 404, "not_found")


def test_a_replay_that_is_not_there_is_not_canceled(grace: Api) -> None:
    response = grace.post(f"{ROOT}/replays/{uuid7()}/cancel")

    assert_problem(response, 404, "not_found")


def test_a_plan_is_no_replay_yet(grace: Api) -> None:
    plan(grace)

    response = grace.get(f"{ROOT}/replays/{Replay.objects.get().id}")

    assert_problem(response, 404, "not_found")


def test_replays_are_listed_newest_first(grace: Api) -> None:
    first, second = replay_all(), replay_all()

    listed = body_of(grace.get(f"{ROOT}/replays"))["data"]

    assert [one["id"] for one in listed] == [str(second.id), str(first.id)]
    assert outcome(first) == ("done", 0, 0, 0)


def test_items_of_a_replay_are_listed_by_pages(grace: Api) -> None:
    store_letters(3)
    path = f"{ROOT}/replays/{replay_all().id}/items?limit=2"

    first = body_of(grace.get(path))
    second = body_of(grace.get(f"{path}&cursor={first['next_cursor']}"))

    ids = [item["id"] for item in first["data"] + second["data"]]
    assert (len(ids), ids) == (3, sorted(ids, reverse=True))
    assert {item["outcome"] for item in first["data"]} == {"done"}

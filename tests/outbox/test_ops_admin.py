"""The operators' pages of groups by cause, and of a replay that is under way."""

from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from outbox.models import DeadLetter, Replay
from outbox.replay import Selection, begin, prepare
from outbox.replay.background import run_waiting
from tests.outbox.letters import outcome, replay_all, store_letters
from tests.outbox.operators import operator_with, page, sign_in

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db(transaction=True)

LETTERS = "/admin/outbox/deadletter/"
RESOLVE = f"{LETTERS}resolve/"
USER = "opencore.user.v1.user-created"
TOO_LARGE = "event: message of # bytes is too large"
REFRESH = '<meta http-equiv="refresh" content="2">'
TURN = timedelta(seconds=60)


@pytest.fixture
def grace() -> Client:
    return sign_in("grace", staff=True, superuser=True)


@pytest.fixture
def queued() -> Replay:
    """What grace decided while no worker was there."""
    store_letters(2)
    operation = prepare(
        selection=Selection(),
        action=Replay.Action.REPLAY,
        actor="grace@example.com",
        rate=None,
        limit=None,
        stop_on_failure_rate=None,
    )
    return begin(
        operation_id=operation.id,
        actor="grace@example.com",
        reason="the limit was raised",
        now=timezone.now(),
    )


def test_letters_are_grouped_by_what_they_died_of(grace: Client) -> None:
    store_letters(3)
    DeadLetter.objects.filter(position=3).update(
        scope="billing", error="KeyError: 'plan'", type=""
    )

    shown = unescape(page(grace, "deadletter/groups/"))

    assert shown.index(f'<td>2</td><td><a href="{LETTERS}?cause=event%3A') < (
        shown.index(">event: KeyError: 'plan'</a></td><td>unreadable</td>")
    )
    assert f">{TOO_LARGE}</a></td><td>{USER}</td><td>relay</td>" in shown


def test_the_list_leads_to_the_groups(grace: Client) -> None:
    assert f'<a href="{LETTERS}groups/">By cause</a>' in page(grace, "deadletter/")


def test_no_groups_are_shown_where_nothing_waits(grace: Client) -> None:
    store_letters(1)
    replay_all()

    assert "No dead letter waits for a decision." in page(grace, "deadletter/groups/")


def test_a_group_leads_to_its_letters(grace: Client) -> None:
    one, _ = store_letters(2)
    DeadLetter.objects.filter(id=one.id).update(error="KeyError: 'a & b' at 17")

    found = grace.get(
        LETTERS, {"cause": "event: KeyError: 'a & b' at #", "scope": "relay"}
    )

    assert [row.id for row in found.context["cl"].result_list] == [one.id]


def test_a_whole_group_is_decided_and_no_other(grace: Client) -> None:
    store_letters(3)
    DeadLetter.objects.filter(position=3).update(error="KeyError: 'plan'")
    group = {"cause": TOO_LARGE, "type": USER, "scope": "relay"}

    asked = grace.post(RESOLVE, {**group, "action": "discard"}).content.decode()
    plan = str(Replay.objects.get().id)
    grace.post(RESOLVE, {"plan": plan, "reason": "test data"})
    run_waiting(turn=TURN)

    assert "2 events of 2 keys will be given up." in asked
    assert outcome(Replay.objects.get()) == ("done", 2, 2, 0)
    assert DeadLetter.objects.waiting().get().position == 3


def test_groups_are_no_strangers_business() -> None:
    assert operator_with("view_hold").get(f"{LETTERS}groups/").status_code == 403


def test_who_may_only_look_is_offered_no_decision_about_a_group() -> None:
    store_letters(1)
    ada = operator_with("view_deadletter")

    shown = page(ada, "deadletter/groups/")

    assert TOO_LARGE in shown
    assert "Replay…" not in shown


@pytest.mark.parametrize(
    ("asked", "found"),
    [("hour", [1]), ("day", [1, 2]), ("week", [1, 2, 3]), ("older", [4])],
)
def test_letters_are_found_by_when_they_died(
    grace: Client, asked: str, found: list[int]
) -> None:
    store_letters(4)
    _let_die(position=2, ago=timedelta(hours=12))
    _let_die(position=3, ago=timedelta(days=3))
    _let_die(position=4, ago=timedelta(days=10))

    rows = grace.get(LETTERS, {"died": asked}).context["cl"].result_list

    assert sorted(row.position for row in rows) == found


def test_another_operators_plan_is_not_decided(grace: Client) -> None:
    store_letters(1)
    grace.post(RESOLVE, {"action": "replay", "cause": TOO_LARGE})
    ada = operator_with("view_deadletter", "change_deadletter")

    response = ada.post(
        RESOLVE, {"plan": str(Replay.objects.get().id), "reason": "why"}, follow=True
    )

    assert "The plan is used, too old, or somebody else" in _text(response)
    assert Replay.objects.get().state == "planned"


@pytest.mark.parametrize("plan", ["", "nonsense"])
def test_a_plan_that_is_none_is_refused(grace: Client, plan: str) -> None:
    response = grace.post(RESOLVE, {"plan": plan, "reason": "why"}, follow=True)

    assert "The plan is used, too old, or somebody else" in _text(response)


def test_plans_are_not_listed_among_decisions(grace: Client) -> None:
    store_letters(1)
    grace.post(RESOLVE, {"action": "replay", "cause": TOO_LARGE})

    assert grace.get("/admin/outbox/replay/").context["cl"].result_count == 0


def test_a_replay_without_a_worker_says_so_and_names_the_command(
    grace: Client, queued: Replay
) -> None:
    shown = page(grace, f"replay/{queued.id}/change/")

    assert "It waits for a worker of Celery" in shown
    assert f"manage.py replay_deadletters --resume {queued.id}" in shown
    assert (REFRESH in shown, "Cancel the rest" in shown) == (True, True)


def test_a_replay_under_way_shows_how_far_it_is(grace: Client, queued: Replay) -> None:
    Replay.objects.update(state="running", done=1)

    shown = page(grace, f"replay/{queued.id}/change/")

    assert '<progress max="2" value="1"' in shown
    assert REFRESH in shown


def test_a_replay_that_ended_is_still(grace: Client, queued: Replay) -> None:
    run_waiting(turn=TURN)

    shown = page(grace, f"replay/{queued.id}/change/")

    assert "Replayed 2 of 2 events; 0 refused." in shown
    assert (REFRESH in shown, "Cancel the rest" in shown) == (False, False)


def test_a_replay_is_canceled_in_the_name_of_who_pressed_the_button(
    queued: Replay,
) -> None:
    ada = operator_with("view_replay", "change_deadletter")

    response = ada.post(f"/admin/outbox/replay/{queued.id}/cancel/", follow=True)

    assert "ada@example.com canceled it; what was left is as it was." in _text(response)
    assert Replay.objects.get().state == "canceled"
    assert DeadLetter.objects.waiting().count() == 2


def test_a_running_replay_says_that_it_will_end(grace: Client, queued: Replay) -> None:
    Replay.objects.update(
        state="running",
        cancel_asked_at=timezone.now(),
        canceled_by="ada@example.com",
    )

    shown = page(grace, f"replay/{queued.id}/change/")

    assert "ada@example.com canceled it; it ends before its next letters." in shown
    assert "Cancel the rest" not in shown


def test_who_may_only_look_cancels_nothing(queued: Replay) -> None:
    ada = operator_with("view_replay")

    shown = page(ada, f"replay/{queued.id}/change/")
    response = ada.post(f"/admin/outbox/replay/{queued.id}/cancel/")

    assert ("Cancel the rest" in shown, response.status_code) == (False, 403)
    assert Replay.objects.get().state == "queued"


def test_a_replay_is_not_canceled_by_a_link(grace: Client, queued: Replay) -> None:
    response = grace.get(f"/admin/outbox/replay/{queued.id}/cancel/")

    assert response.status_code == 403
    assert Replay.objects.get().state == "queued"


def test_one_that_has_ended_says_so_and_stays_as_it_was(grace: Client) -> None:
    operation = replay_all()

    response = grace.post(f"/admin/outbox/replay/{operation.id}/cancel/", follow=True)

    assert f"Operation {operation.id} is done already." in _text(response)
    assert (Replay.objects.get().canceled_by, LogEntry.objects.count()) == ("", 0)


def _let_die(*, position: int, ago: timedelta) -> None:
    DeadLetter.objects.filter(position=position).update(failed_at=timezone.now() - ago)


def _text(response: "Response") -> str:
    return unescape(response.content.decode())

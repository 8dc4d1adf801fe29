"""What operators can do on their pages, and what is asked of them first."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from opencore.ids import uuid7
from outbox.admin import letters as letters_page
from outbox.models import DeadLetter, Hold, OutboxEvent, Replay, TopicPause
from outbox.replay.background import run_waiting
from tests.outbox.letters import replay_all, store_letters
from tests.outbox.operators import operator_with, page, sign_in

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = pytest.mark.django_db(transaction=True)

LETTERS = "/admin/outbox/deadletter/"
RESOLVE = "/admin/outbox/deadletter/resolve/"


@pytest.fixture
def grace() -> Client:
    return sign_in("grace", staff=True, superuser=True)


def select(client: Client, action: str, letters: list[DeadLetter]) -> "Response":
    chosen = [str(letter.id) for letter in letters]
    return client.post(LETTERS, {"action": action, "_selected_action": chosen})


def look_at(client: Client, action: str, letters: list[DeadLetter]) -> "Response":
    chosen = " ".join(str(letter.id) for letter in letters)
    return client.post(RESOLVE, {"action": action, "letters": chosen}, follow=True)


def confirm(
    client: Client, action: str, letters: list[DeadLetter], reason: str
) -> "Response":
    """Look at what would be done, and give the reason for it."""
    look_at(client, action, letters)
    planned = Replay.objects.filter(state="planned").values_list("id", flat=True)
    data = {"plan": str(planned.get()), "reason": reason}
    return client.post(RESOLVE, data, follow=True)


def run() -> None:
    """Do what Celery's worker does."""
    run_waiting(turn=timedelta(seconds=60))


@pytest.mark.parametrize("action", ["replay", "discard"])
def test_an_action_shows_counts_and_asks_for_a_reason_first(
    grace: Client, action: str
) -> None:
    letters = store_letters(3)
    DeadLetter.objects.filter(position=3).update(key=letters[0].key)

    shown = select(grace, action, letters).content.decode()

    assert "3 events of 2 keys will be" in shown
    assert "<td>3</td><td>opencore.user.v1.user-created</td>" in shown
    assert "<td>3</td><td>event: message of # bytes is too large</td>" in shown
    assert 'name="reason"' in shown
    assert DeadLetter.objects.waiting().count() == 3
    assert Replay.objects.decided().count() == 0


def test_the_preview_warns_of_what_would_be_refused(grace: Client) -> None:
    letters = store_letters(2)
    replay_all(ids=[letters[0].id])

    shown = select(grace, "replay", [letters[1]]).content.decode()
    both = grace.post(
        RESOLVE, {"action": "replay", "letters": f"{letters[0].id} {letters[1].id}"}
    )

    assert "resolved already" not in shown
    assert "1 of them is resolved already and will be refused." in both.content.decode()


@pytest.mark.parametrize("reason", ["", "   "])
def test_without_a_reason_nothing_is_done(grace: Client, reason: str) -> None:
    letters = store_letters(1)

    shown = confirm(grace, "replay", letters, reason).content.decode()

    assert "Say why: the reason is kept with each letter." in shown
    assert DeadLetter.objects.waiting().count() == 1
    assert Replay.objects.get().state == "planned"


def test_a_confirmed_replay_runs_in_the_name_of_who_confirmed_it(
    grace: Client,
) -> None:
    letters = store_letters(2)

    asked = confirm(grace, "replay", letters, "the limit was raised").content.decode()
    run()

    operation = Replay.objects.get()
    shown = page(grace, f"replay/{operation.id}/change/")
    assert "It waits for a worker of Celery" in asked
    assert "Replayed 2 of 2 events; 0 refused." in shown
    assert str(operation.id) in shown
    assert (operation.actor, operation.reason, operation.done) == (
        "grace@example.com",
        "the limit was raised",
        2,
    )
    assert OutboxEvent.objects.count() == 2


def test_a_confirmed_discard_lets_the_keys_go(grace: Client) -> None:
    letters = store_letters(2)

    confirm(grace, "discard", letters, "a test account")
    run()

    shown = page(grace, f"replay/{Replay.objects.get().id}/change/")
    assert "Discarded 2 of 2 events; 0 refused." in shown
    assert DeadLetter.objects.filter(state="discarded").count() == 2
    assert (Hold.objects.count(), OutboxEvent.objects.count()) == (0, 0)


def test_what_another_operator_decided_meanwhile_is_refused(grace: Client) -> None:
    letters = store_letters(2)
    confirm(grace, "replay", letters, "the limit was raised")
    replay_all(ids=[letters[0].id])

    run()

    mine = Replay.objects.get(background=True)
    shown = page(grace, f"replay/{mine.id}/change/")
    assert "Replayed 1 of 2 events; 1 refused." in shown
    assert "It was replayed by grace@example.com" in shown
    assert OutboxEvent.objects.count() == 2


def test_all_letters_of_a_filter_can_be_selected(grace: Client) -> None:
    letters = store_letters(3)
    DeadLetter.objects.filter(id=letters[0].id).update(scope="billing")

    shown = grace.post(
        f"{LETTERS}?scope=relay",
        {
            "action": "replay",
            "_selected_action": [str(letters[1].id)],
            "select_across": "1",
        },
    ).content.decode()

    assert "2 events of 2 keys will be" in shown


def test_too_many_letters_are_left_to_the_command(
    grace: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters_page, "MOST_LETTERS", 2)
    letters = store_letters(3)

    response = select(grace, "replay", letters)

    assert response.status_code == 302
    assert "use manage.py replay_deadletters" in page(grace, "deadletter/")


def test_an_unknown_letter_is_refused_and_nothing_is_done(grace: Client) -> None:
    letters = store_letters(1)
    stranger = DeadLetter(id=uuid7())

    shown = look_at(grace, "replay", [*letters, stranger]).content.decode()

    assert f"No dead letter has the id {stranger.id}." in shown
    assert (DeadLetter.objects.waiting().count(), Replay.objects.count()) == (1, 0)


def test_nothing_selected_is_nothing_done(grace: Client) -> None:
    shown = look_at(grace, "replay", []).content.decode()

    assert "No letters were selected." in shown
    assert Replay.objects.count() == 0


def test_a_letters_own_page_leads_to_the_same_question(grace: Client) -> None:
    (letter,) = store_letters(1)

    assert f'name="letters" value="{letter.id}"' in page(
        grace, f"deadletter/{letter.id}/change/"
    )


def test_who_may_only_look_is_offered_nothing_and_can_do_nothing() -> None:
    letters = store_letters(1)
    ada = operator_with("view_deadletter")

    offered = page(ada, "deadletter/") + page(
        ada, f"deadletter/{letters[0].id}/change/"
    )
    select(ada, "replay", letters)
    response = look_at(ada, "replay", letters)

    assert "Replay the selected" not in offered
    assert "Replay…" not in offered
    assert response.status_code == 403
    assert (DeadLetter.objects.waiting().count(), Replay.objects.count()) == (1, 0)


def test_who_may_change_letters_can_decide() -> None:
    letters = store_letters(1)
    ada = operator_with("view_deadletter", "change_deadletter", "view_replay")

    confirm(ada, "replay", letters, "the limit was raised")

    assert Replay.objects.decided().get().actor == "ada@example.com"


def test_a_decision_is_not_made_by_a_link(grace: Client) -> None:
    (letter,) = store_letters(1)

    response = grace.get(
        RESOLVE, {"action": "replay", "letters": str(letter.id), "reason": "a link"}
    )

    assert response.status_code == 403
    assert DeadLetter.objects.waiting().count() == 1


def test_a_key_is_released_with_a_reason_that_is_kept(grace: Client) -> None:
    hold = _hold("ada")
    data = {"action": "release", "_selected_action": [str(hold.id)]}

    asked = grace.post("/admin/outbox/hold/", data).content.decode()
    assert ("Release these keys?" in asked, Hold.objects.count()) == (True, 1)
    grace.post("/admin/outbox/hold/", data | {"reason": "the audit is over"})

    entry = LogEntry.objects.get()
    assert Hold.objects.count() == 0
    assert (entry.object_repr, entry.change_message) == (
        "relay: opencore.user.v1 ada",
        "release: the audit is over",
    )
    assert entry.user.get_username() == "grace@example.com"


def test_a_key_is_not_released_without_a_reason(grace: Client) -> None:
    hold = _hold("ada")

    shown = grace.post(
        "/admin/outbox/hold/",
        {"action": "release", "_selected_action": [str(hold.id)], "reason": " "},
    ).content.decode()

    assert "Say why: the reason is kept." in shown
    assert Hold.objects.count() == 1


def test_a_key_that_waits_for_a_letter_is_not_released(grace: Client) -> None:
    (letter,) = store_letters(1)
    hold = Hold.objects.get()

    response = grace.post(
        "/admin/outbox/hold/",
        {"action": "release", "_selected_action": [str(hold.id)], "reason": "haste"},
        follow=True,
    )

    assert (
        f"Event {letter.event_id} is a dead letter: replay or discard it instead."
    ) in response.content.decode()
    assert (Hold.objects.count(), LogEntry.objects.count()) == (1, 0)


def test_a_topic_is_resumed_with_a_reason_that_is_kept(grace: Client) -> None:
    TopicPause.objects.create(
        topic="opencore.user.v1", reason="not allowed", since=timezone.now()
    )
    data = {"action": "resume", "_selected_action": ["opencore.user.v1"]}

    asked = grace.post("/admin/outbox/topicpause/", data).content.decode()
    assert ("Resume these topics?" in asked, TopicPause.objects.count()) == (True, 1)
    grace.post("/admin/outbox/topicpause/", data | {"reason": "rights were given"})

    assert TopicPause.objects.count() == 0
    assert LogEntry.objects.get().change_message == "resume: rights were given"


def test_who_may_only_look_releases_nothing() -> None:
    hold = _hold("ada")
    ada = operator_with("view_hold")

    ada.post(
        "/admin/outbox/hold/",
        {"action": "release", "_selected_action": [str(hold.id)], "reason": "haste"},
    )

    assert Hold.objects.count() == 1


def _hold(key: str) -> Hold:
    return Hold.objects.create(
        scope="relay", topic="opencore.user.v1", key=key, reason="audit"
    )

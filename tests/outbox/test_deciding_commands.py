"""`manage.py outbox_hold` and its kin: said first, done with a reason."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from outbox.models import Hold, OperatorAction, TopicPause
from tests.outbox.events import person
from tests.outbox.letters import store_letters

pytestmark = pytest.mark.django_db

TOPIC = "opencore.user.v1"
ADA = str(person("ada"))
WHY = ("--execute", "--reason", "looked into it", "--actor", "grace")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("outbox_hold", ADA, "--topic", TOPIC), f"relay would hold the key {ADA}"),
        (("outbox_release", ADA, "--topic", TOPIC), "relay would go on with the key"),
        (("outbox_skip", ADA, "--topic", TOPIC), "relay would give up what the key"),
        (("outbox_pause", TOPIC), f"Nothing would be sent to {TOPIC}"),
        (("outbox_resume", TOPIC), f"{TOPIC} would be sent to again"),
    ],
    ids=["hold", "release", "skip", "pause", "resume"],
)
def test_nothing_is_changed_without_execute(
    command: tuple[str, ...], said: str
) -> None:
    answer = run(*command)

    assert answer.startswith(said)
    assert answer.endswith('; add --execute --reason "…" to do it.\n')
    assert (Hold.objects.count(), TopicPause.objects.count()) == (0, 0)
    assert OperatorAction.objects.count() == 0


def test_a_key_is_held_and_released() -> None:
    held = run("outbox_hold", ADA, "--topic", TOPIC, "--scope", "billing", *WHY)
    hold = Hold.objects.get()
    released = run("outbox_release", ADA, "--topic", TOPIC, "--scope", "billing", *WHY)

    assert held == f"billing holds the key {ADA} of {TOPIC}.\n"
    assert (hold.scope, hold.held_by, hold.reason) == (
        "billing",
        "grace",
        "looked into it",
    )
    assert released == f"billing goes on with the key {ADA} of {TOPIC}.\n"
    assert Hold.objects.count() == 0


def test_an_event_is_skipped() -> None:
    (letter,) = store_letters(1)

    said = run("outbox_skip", letter.key, "--topic", TOPIC, *WHY)

    letter.refresh_from_db()
    assert (
        said == f"relay gave up what the key {letter.key} of {TOPIC} waited behind.\n"
    )
    assert letter.state == "discarded"


def test_a_topic_is_paused_and_resumed() -> None:
    paused = run("outbox_pause", TOPIC, *WHY)
    by = TopicPause.objects.get().paused_by
    resumed = run("outbox_resume", TOPIC, *WHY)

    assert (paused, by) == (f"Nothing is sent to {TOPIC}.\n", "grace")
    assert resumed == f"{TOPIC} is sent to again.\n"
    assert TopicPause.objects.count() == 0


def test_answers_in_json() -> None:
    assert json.loads(run("outbox_pause", TOPIC, "--json", *WHY)) == {
        "executed": True,
        "message": f"Nothing is sent to {TOPIC}.",
    }


def test_a_refusal_is_a_sentence_and_changes_nothing() -> None:
    with pytest.raises(CommandError, match=f"The topic {TOPIC} is not paused"):
        run("outbox_resume", TOPIC, *WHY)

    assert OperatorAction.objects.count() == 0


def test_a_reason_is_needed() -> None:
    with pytest.raises(CommandError, match="Say who decides this and why"):
        run("outbox_pause", TOPIC, "--execute")

    assert TopicPause.objects.count() == 0


def test_who_types_it_is_the_actor() -> None:
    run("outbox_pause", TOPIC, "--execute", "--reason", "looked into it")

    assert "@" in OperatorAction.objects.get().actor

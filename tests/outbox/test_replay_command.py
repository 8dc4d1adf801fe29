"""What operators read and get from `replay_deadletters`."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from opencore.ids import uuid7
from outbox.models import DeadLetter, OutboxEvent, Replay
from tests.outbox.letters import outcome, replay_all, store_letters

pytestmark = pytest.mark.django_db(transaction=True)

REASON = ("--reason", "the limit was raised", "--actor", "grace@example.com")
EXECUTE = ("--execute", *REASON, "--rate", "1000")


class Terminal(StringIO):
    """An output that is looked at."""

    def isatty(self) -> bool:
        return True


def run(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("replay_deadletters", *arguments, stdout=out)
    return out.getvalue().splitlines()


def run_refused(*arguments: str, out: StringIO | None = None) -> list[str]:
    out = out or StringIO()
    with pytest.raises(SystemExit) as status:
        call_command("replay_deadletters", *arguments, stdout=out)
    assert status.value.code == 1
    return out.getvalue().splitlines()


def test_shows_what_would_be_done_and_does_nothing() -> None:
    store_letters(3)
    oldest = DeadLetter.objects.order_by("failed_at")[0].failed_at

    lines = run()

    assert lines == [
        "type          3  opencore.user.v1.user-created",
        "scope         3  relay",
        "cause         3  event: message of # bytes is too large",
        f"oldest died at {oldest:%Y-%m-%d %H:%M:%S} UTC",
        "out of order: none",
        '3 events of 3 keys would be replayed; add --execute --reason "…" to do it.',
    ]
    assert (OutboxEvent.objects.count(), Replay.objects.count()) == (0, 0)


def test_shows_what_would_be_discarded() -> None:
    store_letters(1)

    assert run("--discard")[-1] == (
        '1 events of 1 keys would be discarded; add --execute --reason "…" to do it.'
    )
    assert DeadLetter.objects.waiting().count() == 1


def test_the_last_line_of_a_replay_is_a_sentence_with_counts() -> None:
    store_letters(3)

    lines = run(*EXECUTE)

    operation = Replay.objects.get()
    assert lines == [
        f"operation {operation.id} by grace@example.com",
        "Replayed 3 of 3 events; 0 refused.",
    ]
    assert OutboxEvent.objects.count() == 3


def test_discards_when_told_to() -> None:
    store_letters(2)

    assert run(*EXECUTE, "--discard")[-1] == "Discarded 2 of 2 events; 0 refused."

    assert DeadLetter.objects.filter(state="discarded").count() == 2
    assert OutboxEvent.objects.count() == 0


def test_filters_and_the_maximum_reach_the_operation() -> None:
    letters = store_letters(3)

    run(*EXECUTE, "--scope", "relay", "--since", "2026-01-01T00:00", "--max", "2")
    run(*EXECUTE, "--key", letters[0].key, "--until", "2999-01-01T00:00+02:00")

    assert [one.filters for one in Replay.objects.order_by("id")] == [
        {"scope": "relay", "since": "2026-01-01T00:00:00+00:00", "max": 2},
        {"key": letters[0].key, "until": "2999-01-01T00:00:00+02:00"},
    ]


def test_letters_can_be_named_one_by_one() -> None:
    first, second, _ = store_letters(3)

    assert run(*EXECUTE, "--id", str(first.id), "--id", str(second.event_id))[-1] == (
        "Replayed 2 of 2 events; 0 refused."
    )


def test_says_what_was_refused_and_why_and_exits_with_one() -> None:
    (letter,) = store_letters(1)
    replay_all()
    letter.refresh_from_db()

    lines = run_refused(*EXECUTE, "--id", str(letter.id))

    assert lines[0] == (
        f"refused {letter.id}: It was replayed by grace@example.com"
        f" at {letter.resolved_at:%Y-%m-%d %H:%M:%S} UTC."
    )
    assert lines[-1] == "Replayed 0 of 1 events; 1 refused."


def test_says_that_it_stopped_and_how_to_go_on() -> None:
    store_letters(12)
    DeadLetter.objects.update(occurred_at=None)

    lines = run_refused(*EXECUTE, "--stop-on-failure-rate", "0.1")

    operation = Replay.objects.get()
    assert lines[-2:] == [
        "Stopped: too many were refused;"
        f" --resume {operation.id} goes on nevertheless.",
        "Replayed 0 of 12 events; 10 refused.",
    ]


def test_resumes_what_was_left() -> None:
    store_letters(12)
    DeadLetter.objects.update(occurred_at=None)
    operation = replay_all(stop_on_failure_rate=0.1)

    lines = run_refused("--resume", str(operation.id))

    operation.refresh_from_db()
    assert outcome(operation) == ("done", 12, 0, 12)
    assert lines[-1] == "Replayed 0 of 12 events; 12 refused."


def test_shows_progress_on_a_terminal() -> None:
    store_letters(2)
    terminal = Terminal()

    call_command("replay_deadletters", *EXECUTE, stdout=terminal, no_color=True)

    shown = terminal.getvalue()
    assert [f"{number}/2" in shown for number in range(3)] == [True, False, True]
    assert "100%" in shown
    assert shown.splitlines()[-1] == "Replayed 2 of 2 events; 0 refused."


def test_a_plan_can_be_read_by_machines() -> None:
    store_letters(1)

    (line,) = run("--json")

    answer = json.loads(line)
    assert answer["executed"] is False
    assert (answer["plan"]["letters"], answer["plan"]["out_of_order"]) == (1, 0)


def test_an_outcome_can_be_read_by_machines() -> None:
    (letter,) = store_letters(1)
    DeadLetter.objects.update(occurred_at=None)

    (line,) = run_refused(*EXECUTE, "--json")

    assert json.loads(line) == {
        "executed": True,
        "operation": str(Replay.objects.get().id),
        "action": "replay",
        "state": "done",
        "planned": 1,
        "done": 0,
        "refused": 1,
        "refusals": [
            {"letter": str(letter.id), "reason": "It has no event id or no time."}
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["--execute"], "--execute needs a reason", id="no reason"),
        pytest.param(
            ["--execute", "--reason", "  "], "--execute needs a reason", id="blank"
        ),
        pytest.param(["--id", "seven"], "'seven' is no id; ids are UUIDs.", id="id"),
        pytest.param(["--since", "soon"], "'soon' is no time", id="time"),
        pytest.param(["--since", "2026-02-30"], "'2026-02-30' is no time", id="date"),
        pytest.param(["--max", "0"], "'0' is no number of events", id="max"),
        pytest.param(["--max", "-1"], "'-1' is no number of events", id="negative"),
        pytest.param(["--rate", "0"], "'0' is no rate", id="rate"),
        pytest.param(["--rate", "nan"], "'nan' is no rate", id="no number"),
        pytest.param(["--rate", "fast"], "'fast' is no rate", id="no rate"),
        pytest.param(["--stop-on-failure-rate", "2"], "'2' is no share", id="share"),
        pytest.param(["--resume", str(uuid7())], "There is no operation", id="resume"),
        pytest.param(
            ["--resume", str(uuid7()), "--type", "x", "--discard"],
            "leave out --type, --discard",
            id="resume with filters",
        ),
    ],
)
def test_refuses_bad_input_with_a_sentence_and_does_nothing(
    arguments: list[str], sentence: str
) -> None:
    store_letters(1)

    with pytest.raises(CommandError, match=sentence):
        run(*arguments)

    assert (DeadLetter.objects.waiting().count(), Replay.objects.count()) == (1, 0)


def test_refuses_an_unknown_letter_and_does_nothing() -> None:
    (letter,) = store_letters(1)
    stranger = str(uuid7())

    with pytest.raises(CommandError, match=f"No dead letter has the id {stranger}"):
        run(*EXECUTE, "--id", str(letter.id), "--id", stranger)

    assert (DeadLetter.objects.waiting().count(), Replay.objects.count()) == (1, 0)


def test_names_the_operation_to_resume_when_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_letters(2)

    def interrupt(_self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("outbox.replay.pace.Pace.wait", interrupt)

    with pytest.raises(CommandError) as error:
        run(*EXECUTE)

    operation = Replay.objects.get()
    assert str(error.value) == f"Interrupted: --resume {operation.id} does the rest."
    assert operation.state == "running"


def test_whoever_types_is_the_actor_if_nobody_else_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    monkeypatch.setattr("socket.gethostname", lambda: "ops-1")

    run("--execute", "--reason", "the limit was raised")

    assert Replay.objects.get().actor == "grace@ops-1"

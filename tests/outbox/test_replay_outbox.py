"""What `manage.py replay_outbox` promises: the archive, published again on purpose."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from opencore.ids import uuid7
from outbox.models import ArchivedEvent, OutboxEvent, Replay, ReplayItem
from outbox.relay import Tally
from outbox.replay import ArchiveSelection, republish
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy

EXECUTE = ("--execute", "--reason", "a new reader", "--actor", "grace@example.com")
EVER = ("--since", "2020-01-01")


def run(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("replay_outbox", *arguments, stdout=out)
    return out.getvalue().splitlines()


def arrived(kafka: KafkaSpy) -> list[UUID]:
    return [envelope.event_id for envelope in kafka.envelopes]


@pytest.fixture
def delivered(new_relay: Relays, kafka: KafkaSpy) -> list[UUID]:
    """Two events of ada and one of grace, delivered and forgotten by the spy."""
    told = [tell_of("ada"), tell_session_ended("ada"), tell_of("grace")]
    relay = new_relay()
    assert relay.relay_batch() == Tally(sent=3)
    relay.give_back_lanes()
    kafka.received.clear()
    return told


def test_shows_what_would_be_published_and_does_nothing(delivered: list[UUID]) -> None:
    lines = run(*EVER)

    times = ArchivedEvent.objects.order_by("delivered_at").values_list(
        "delivered_at", flat=True
    )
    assert lines == [
        "type          2  opencore.user.v1.user-created",
        "type          1  opencore.user.v1.session-revoked",
        f"delivered from {times[0]:%Y-%m-%d %H:%M:%S} to {times[2]:%Y-%m-%d %H:%M:%S} UTC",
        '3 events of 2 keys would be published again; add --execute --reason "…" to do'
        " it.",
    ]
    assert (OutboxEvent.objects.count(), Replay.objects.count()) == (0, 0)


def test_publishes_the_same_bytes_again_in_the_order_of_each_key(
    delivered: list[UUID], new_relay: Relays, kafka: KafkaSpy
) -> None:
    before = dict(ArchivedEvent.objects.values_list("event_id", "payload"))

    assert run(*EXECUTE, *EVER)[-1] == "Published again 3 of 3 events; 0 refused."
    new_relay().relay_batch()

    assert sorted(arrived(kafka)) == sorted(delivered)
    assert [each for each in arrived(kafka) if each != delivered[2]] == delivered[:2]
    for message in kafka.received:
        ((_, event_id),) = [pair for pair in message.headers() if pair[0] == "ce_id"]
        assert message.payload == bytes(before[UUID(event_id.decode())])


def test_what_is_published_again_says_so_in_its_headers_alone(
    delivered: list[UUID], new_relay: Relays, kafka: KafkaSpy
) -> None:
    run(*EXECUTE, *EVER)
    new_relay().relay_batch()

    operation = Replay.objects.get()
    headers = dict(kafka.received[0].headers())
    assert headers["oc-replay-id"].decode() == str(operation.id)
    moment = datetime.fromisoformat(headers["oc-replayed-at"].decode())
    assert abs(moment - timezone.now()) < timedelta(minutes=10)


def test_they_go_behind_what_was_emitted_since(
    delivered: list[UUID], new_relay: Relays, kafka: KafkaSpy
) -> None:
    later = tell_session_ended("ada")

    run(*EXECUTE, *EVER, "--key", str(person("ada")))
    new_relay().relay_batch()

    assert arrived(kafka) == [later, *delivered[:2]]


@pytest.mark.parametrize(
    ("arguments", "chosen"),
    [
        pytest.param(("--type", "opencore.user.v1.session-revoked"), [1], id="type"),
        pytest.param(("--key", str(person("grace"))), [2], id="key"),
        pytest.param(("--topic", "opencore.user.v1"), [0, 1, 2], id="topic"),
        pytest.param(("--topic", "opencore.org.v1"), [], id="another topic"),
        pytest.param(("--until", "2020-01-02"), [], id="until"),
    ],
)
def test_narrows_by(
    delivered: list[UUID], arguments: tuple[str, ...], chosen: list[int]
) -> None:
    run(*EXECUTE, *EVER, *arguments)

    planned = set(ReplayItem.objects.values_list("letter_id", flat=True))
    assert planned == {delivered[number] for number in chosen}


def test_takes_events_by_their_ids(delivered: list[UUID]) -> None:
    run(*EXECUTE, "--id", str(delivered[2]))

    assert OutboxEvent.objects.get().event_id == delivered[2]


def test_takes_the_oldest_up_to_a_number(delivered: list[UUID]) -> None:
    assert run(*EVER, "--max", "2")[-1].startswith("2 events of")

    run(*EXECUTE, *EVER, "--max", "2")

    waiting = OutboxEvent.objects.order_by("id").values_list("event_id", flat=True)
    first = ArchivedEvent.objects.order_by("id").values_list("event_id", flat=True)
    assert list(waiting) == list(first[:2])


def test_an_event_that_was_published_again_before_is_taken_once(
    delivered: list[UUID], new_relay: Relays
) -> None:
    run(*EXECUTE, *EVER)
    new_relay().relay_batch()
    assert ArchivedEvent.objects.count() == 6

    assert run(*EXECUTE, *EVER)[-1] == "Published again 3 of 3 events; 0 refused."

    assert OutboxEvent.objects.count() == 3


def test_an_event_that_the_archive_dropped_meanwhile_is_refused(
    delivered: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(delivered, monkeypatch, after=0)
    ArchivedEvent.objects.filter(event_id=delivered[0]).delete()

    with pytest.raises(SystemExit) as status:
        run("--resume", str(Replay.objects.get().id))

    assert status.value.code == 1
    refused = ReplayItem.objects.get(outcome="refused")
    assert (refused.letter_id, refused.detail) == (
        delivered[0],
        "The archive does not have it any more.",
    )
    assert OutboxEvent.objects.count() == 2


def test_goes_on_after_an_interruption_and_does_nothing_twice(
    delivered: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(delivered, monkeypatch, after=1)
    assert OutboxEvent.objects.count() == 1

    lines = run("--resume", str(Replay.objects.get().id))

    assert lines[-1] == "Published again 3 of 3 events; 0 refused."
    waiting = OutboxEvent.objects.values_list("event_id", flat=True)
    assert sorted(waiting) == sorted(delivered)


def test_can_be_canceled(
    delivered: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(delivered, monkeypatch, after=1)
    operation = Replay.objects.get()

    lines = run("--cancel", str(operation.id), "--actor", "grace@example.com")

    assert lines == [f"Operation {operation.id} is canceled; 1 of 3 events were done."]
    with pytest.raises(CommandError, match="canceled operation"):
        run("--resume", str(operation.id))
    assert OutboxEvent.objects.count() == 1


def test_records_who_decided_what_and_why_before_the_first_event(
    delivered: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(delivered, monkeypatch, after=0)

    operation = Replay.objects.get()
    assert (operation.action, operation.actor, operation.reason) == (
        "republish",
        "grace",
        "a new reader",
    )
    assert operation.filters == {"since": "2020-01-01T00:00:00+00:00"}
    assert (operation.planned, operation.done) == (3, 0)


@override_settings(OUTBOX_LANES=4)
def test_a_changed_number_of_lanes_is_respected(delivered: list[UUID]) -> None:
    run(*EXECUTE, *EVER)

    assert {event.lane for event in OutboxEvent.objects.all()} <= {0, 1, 2, 3}


def test_a_plan_can_be_read_by_machines(delivered: list[UUID]) -> None:
    (line,) = run(*EVER, "--json")

    answer = json.loads(line)
    assert answer["executed"] is False
    assert (answer["plan"]["events"], answer["plan"]["keys"]) == (3, 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param((), "Say since when events were delivered", id="no time"),
        pytest.param(("--key", "ada"), "Say since when", id="a key alone"),
        pytest.param(("--execute", *EVER), "--execute needs a reason", id="no reason"),
        pytest.param(("--since", "soon"), "'soon' is no time", id="time"),
        pytest.param(("--id", str(UUID(int=7))), "has no event 0000", id="id"),
        pytest.param((*EXECUTE,), "Say since when", id="all of it"),
        pytest.param(("--resume", str(uuid7())), "no operation", id="operation"),
        pytest.param(
            ("--resume", str(uuid7()), *EVER), "leave out --since", id="resume"
        ),
    ],
)
def test_refuses_bad_input_with_a_sentence_and_does_nothing(
    delivered: list[UUID], arguments: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)

    assert (OutboxEvent.objects.count(), Replay.objects.count()) == (0, 0)


class Interrupted(Exception):
    """The process died."""


def interrupted(
    delivered: list[UUID], monkeypatch: pytest.MonkeyPatch, *, after: int
) -> None:
    """Begin to publish again what was delivered, and die after so many."""
    left = iter(range(after))

    def die_in_time(_self: object) -> None:
        if next(left, None) is None:
            raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr("outbox.replay.pace.Pace.wait", die_in_time)
        patched.setattr("outbox.replay.pace.FIRST", 1)
        with pytest.raises(Interrupted):
            republish(
                selection=ArchiveSelection(since=datetime(2020, 1, 1, tzinfo=UTC)),
                actor="grace",
                reason="a new reader",
                rate=None,
                limit=None,
                stop_on_failure_rate=None,
            )
    assert Replay.objects.get().planned == len(delivered)

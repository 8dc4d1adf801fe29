"""What replaying and discarding the relay's dead letters promises."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from zlib import crc32

import pytest
from django.db import connection, transaction
from django.test import override_settings

from opencore.ids import uuid7
from outbox import watermark
from outbox.models import (
    ArchivedEvent,
    DeadLetter,
    Hold,
    OutboxEvent,
    Replay,
    ReplayItem,
)
from outbox.relay import Tally
from outbox.replay import (
    LettersUnknown,
    OperationBusy,
    OperationUnknown,
    ReasonMissing,
    Selection,
    replay,
    resume,
)
from tests.outbox.conftest import Relays, Together
from tests.outbox.events import person, tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import bury, outcome, replay_all, store_letters

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def relays_that_always_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "RESCAN", timedelta(0))


def test_a_replayed_event_is_delivered_under_its_id_before_those_that_waited_for_it(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    relay = new_relay()
    (dead,) = bury(relay, kafka, "mallory")
    behind = [tell_session_ended("mallory"), tell_session_ended("mallory")]
    assert relay.relay_batch() == Tally()

    assert outcome(replay_all()) == ("done", 1, 1, 0)

    assert relay.relay_batch() == Tally(sent=1)
    assert relay.relay_batch() == Tally(sent=2)
    assert [told.event_id for told in kafka.envelopes] == [dead, *behind]
    assert Hold.objects.count() == 0


def test_a_replayed_event_has_every_byte_and_its_old_place(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of("mallory", email="a" * 2000)
    before = OutboxEvent.objects.values().get()
    kafka.largest = 1000
    with override_settings(OUTBOX_MAX_ATTEMPTS=1):
        new_relay().relay_batch()

    replay_all()

    after = OutboxEvent.objects.values().get()
    del before["created_at"], after["created_at"]
    assert after == before


def test_a_replayed_letter_says_who_decided_it_and_why() -> None:
    store_letters(1)

    operation = replay_all()

    letter = DeadLetter.objects.get()
    assert letter.state == "replayed"
    assert letter.resolved_by == "grace@example.com"
    assert letter.resolved_reason == "the limit was raised"
    assert letter.replay_count == 1
    assert letter.resolved_at is not None
    assert operation.ended_at is not None
    assert operation.started_at < letter.resolved_at < operation.ended_at


def test_an_operation_is_recorded_with_its_plan_and_its_outcome() -> None:
    letters = store_letters(3)

    operation = replay(
        selection=Selection(scope="relay", reason_class="event"),
        action=Replay.Action.REPLAY,
        actor=" grace@example.com ",
        reason=" the limit was raised ",
        rate=1000.0,
        limit=2,
        stop_on_failure_rate=None,
    )

    assert outcome(operation) == ("done", 2, 2, 0)
    assert (operation.actor, operation.reason) == (
        "grace@example.com",
        "the limit was raised",
    )
    assert operation.filters == {"scope": "relay", "reason_class": "event", "max": 2}
    assert operation.rate == 1000.0
    assert operation.ended_at is not None
    assert operation.items.filter(outcome="done").count() == 2
    assert len(letters) - DeadLetter.objects.waiting().count() == 2


def test_the_plan_is_committed_before_the_first_letter_is_touched(
    together: Together,
) -> None:
    store_letters(3)
    together(2)
    seen: list[tuple[int, int]] = []

    replay(
        selection=Selection(),
        action=Replay.Action.REPLAY,
        actor="grace@example.com",
        reason="the limit was raised",
        rate=None,
        limit=None,
        stop_on_failure_rate=None,
        on_progress=lambda progress: seen.append(
            (progress.done, OutboxEvent.objects.count())
        ),
    )

    assert seen == [(0, 0), (2, 2), (3, 3)]


def test_letters_of_a_key_go_in_the_order_of_their_places() -> None:
    store_letters(6, held=False)
    key = str(person("ada"))
    DeadLetter.objects.filter(position__in=(1, 3, 5)).update(key=key)

    operation = replay_all()

    order = operation.items.order_by("id").values_list("letter_id", flat=True)
    places = dict(DeadLetter.objects.filter(key=key).values_list("id", "position"))
    assert [places[letter] for letter in order if letter in places] == [1, 3, 5]


def test_the_lane_is_the_one_that_the_key_has_now() -> None:
    store_letters(8)

    with override_settings(OUTBOX_LANES=5):
        replay_all()

    lanes = OutboxEvent.objects.values_list("key", "lane")
    assert {lane for _, lane in lanes} != {0}
    assert all(crc32(key.encode()) % 5 == lane for key, lane in lanes)


def test_what_was_replayed_is_not_replayed_again() -> None:
    store_letters(2)
    replay_all()

    again = replay_all()

    assert outcome(again) == ("done", 0, 0, 0)
    assert OutboxEvent.objects.count() == 2


def test_a_letter_that_is_named_though_resolved_is_refused_with_who_did_it() -> None:
    (letter,) = store_letters(1)
    replay_all()

    again = replay_all(ids=[letter.id])

    assert outcome(again) == ("done", 1, 0, 1)
    letter.refresh_from_db()
    assert again.items.get().detail == (
        "It was replayed by grace@example.com"
        f" at {letter.resolved_at:%Y-%m-%d %H:%M:%S} UTC."
    )
    assert (OutboxEvent.objects.count(), letter.replay_count) == (1, 1)


def test_a_letter_can_be_named_by_its_event() -> None:
    letter, _ = store_letters(2)
    assert letter.event_id is not None

    assert outcome(replay_all(ids=[letter.event_id])) == ("done", 1, 1, 0)

    assert OutboxEvent.objects.get().event_id == letter.event_id


def test_of_two_replays_at_once_each_letter_belongs_to_one() -> None:
    store_letters(40)
    barrier = Barrier(2, timeout=10)

    def replay_with_the_other() -> Replay:
        try:
            barrier.wait()
            return replay_all(ids=list(DeadLetter.objects.values_list("id", flat=True)))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        operations = [
            future.result(timeout=30)
            for future in [pool.submit(replay_with_the_other) for _ in range(2)]
        ]

    assert sum(operation.done for operation in operations) == 40
    assert sum(operation.refused for operation in operations) == 40
    assert OutboxEvent.objects.count() == 40
    assert set(DeadLetter.objects.values_list("replay_count", flat=True)) == {1}


def test_a_replayed_event_that_fails_again_is_a_waiting_letter_again(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    relay = new_relay()
    bury(relay, kafka, "mallory")
    replay_all()
    kafka.largest = 1000

    with override_settings(OUTBOX_MAX_ATTEMPTS=1):
        assert relay.relay_batch() == Tally(dead=1)
    kafka.largest = 1024 * 1024
    assert outcome(replay_all()) == ("done", 1, 1, 0)

    assert DeadLetter.objects.get().replay_count == 2
    assert relay.relay_batch() == Tally(sent=1)


def test_discarding_lets_those_go_on_that_waited(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    relay = new_relay()
    bury(relay, kafka, "mallory")
    behind = tell_session_ended("mallory")

    operation = replay_all(action=Replay.Action.DISCARD)

    assert outcome(operation) == ("done", 1, 1, 0)
    assert DeadLetter.objects.get().state == "discarded"
    assert relay.relay_batch() == Tally(sent=1)
    assert ArchivedEvent.objects.get().event_id == behind


def test_discarding_leaves_a_hold_that_is_not_the_letters_own() -> None:
    store_letters(1)
    Hold.objects.update(event_id=uuid7())

    replay_all(action=Replay.Action.DISCARD)

    assert Hold.objects.count() == 1


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_refuses_without_a_reason_and_leaves_nothing_behind(reason: str) -> None:
    store_letters(1)

    with pytest.raises(ReasonMissing):
        replay(
            selection=Selection(),
            action=Replay.Action.REPLAY,
            actor="grace@example.com",
            reason=reason,
            rate=None,
            limit=None,
            stop_on_failure_rate=None,
        )

    assert (Replay.objects.count(), DeadLetter.objects.waiting().count()) == (0, 1)


def test_refuses_an_unknown_id_and_leaves_nothing_behind() -> None:
    (letter,) = store_letters(1)
    stranger = uuid7()

    with pytest.raises(LettersUnknown, match=str(stranger)):
        replay_all(ids=[letter.id, stranger])

    assert (Replay.objects.count(), DeadLetter.objects.waiting().count()) == (0, 1)


def test_refuses_to_begin_inside_a_transaction() -> None:
    store_letters(1)

    with pytest.raises(RuntimeError), transaction.atomic():
        replay_all()

    assert (Replay.objects.count(), DeadLetter.objects.waiting().count()) == (0, 1)


def test_one_letter_that_is_refused_stops_none_of_the_others() -> None:
    store_letters(3)
    DeadLetter.objects.filter(position=2).update(event_id=None, partition=0, offset=0)

    operation = replay_all()

    assert outcome(operation) == ("done", 3, 2, 1)
    refused = operation.items.get(outcome="refused")
    assert refused.detail == "It has no event id or no time."
    assert DeadLetter.objects.waiting().get().position == 2
    assert OutboxEvent.objects.count() == 2


def test_a_letter_whose_place_is_taken_is_refused_and_waits_on() -> None:
    store_letters(1)
    replay_all()
    DeadLetter.objects.update(state="waiting")

    assert outcome(replay_all()) == ("done", 1, 0, 1)

    letter = DeadLetter.objects.get()
    assert (letter.state, letter.replay_count) == ("waiting", 1)
    assert OutboxEvent.objects.count() == 1


def test_stops_when_too_many_are_refused_and_goes_on_when_resumed() -> None:
    store_letters(20)
    DeadLetter.objects.filter(position__lte=20).update(occurred_at=None)

    operation = replay_all(stop_on_failure_rate=0.5)
    assert outcome(operation) == ("stopped", 20, 0, 10)
    resumed = resume(operation_id=operation.id, rate=None, stop_on_failure_rate=None)

    assert outcome(resumed) == ("done", 20, 0, 20)


def test_resuming_a_finished_operation_does_nothing() -> None:
    store_letters(2)
    operation = replay_all()

    resumed = resume(operation_id=operation.id, rate=None, stop_on_failure_rate=None)

    assert outcome(resumed) == ("done", 2, 2, 0)
    assert OutboxEvent.objects.count() == 2


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(OperationUnknown):
        resume(operation_id=uuid7(), rate=None, stop_on_failure_rate=None)


def test_an_operation_is_run_by_one_process_at_a_time() -> None:
    store_letters(1)
    refusals: list[str] = []

    def resume_elsewhere(operation_id: object) -> None:
        try:
            resume(
                operation_id=Replay.objects.get().id,
                rate=None,
                stop_on_failure_rate=None,
            )
        except OperationBusy as error:
            refusals.append(str(error))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        operation = replay(
            selection=Selection(),
            action=Replay.Action.REPLAY,
            actor="grace@example.com",
            reason="the limit was raised",
            rate=None,
            limit=None,
            stop_on_failure_rate=None,
            on_progress=lambda progress: pool.submit(
                resume_elsewhere, progress.operation_id
            ).result(timeout=10),
        )

    assert refusals == [f"Operation {operation.id} is being run."] * 2
    assert outcome(operation) == ("done", 1, 1, 0)


def test_an_operation_can_be_run_again_after_it_ended_in_an_error(
    together: Together,
) -> None:
    store_letters(2)
    together(1)

    with pytest.raises(KeyboardInterrupt):
        replay(
            selection=Selection(),
            action=Replay.Action.REPLAY,
            actor="grace@example.com",
            reason="the limit was raised",
            rate=None,
            limit=None,
            stop_on_failure_rate=None,
            on_progress=_interrupt_after_one,
        )
    operation = Replay.objects.get()
    assert outcome(operation) == ("running", 2, 1, 0)
    resumed = resume(operation_id=operation.id, rate=None, stop_on_failure_rate=None)

    assert outcome(resumed) == ("done", 2, 2, 0)
    assert ReplayItem.objects.filter(outcome="done").count() == 2


def _interrupt_after_one(progress: object) -> None:
    if OutboxEvent.objects.count() == 1:
        raise KeyboardInterrupt

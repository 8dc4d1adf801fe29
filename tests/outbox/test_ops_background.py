"""Operations that are planned first and run by Celery, also after a worker died."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from django.db import connection
from django.utils import timezone
from psycopg.conninfo import make_conninfo
from pytest_django import Settings

from opencore.celery import app
from outbox import tasks
from outbox.models import DeadLetter, OutboxEvent, Replay, ReplayItem
from outbox.replay import (
    OperationBusy,
    OperationUnknown,
    PlanGone,
    Progress,
    ReasonMissing,
    Selection,
    begin,
    plan_of,
    prepare,
    replay,
    resume,
)
from outbox.replay.background import run_waiting
from outbox.replay.operations import PLANS_LIVE_FOR, forget_plans
from tests.outbox.conftest import Together
from tests.outbox.letters import outcome, store_letters
from tests.outbox.plans import ADA, GRACE, HeldElsewhere, begun, planned

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent
TURN = timedelta(seconds=60)
DEADLINE = 60.0


def test_a_plan_changes_no_letter_and_is_run_by_nobody() -> None:
    store_letters(2)

    operation = planned()
    ran = run_waiting(turn=TURN)

    assert (ran, outcome(operation)) == (0, ("planned", 2, 0, 0))
    assert plan_of(operation).letters == 2
    assert DeadLetter.objects.waiting().count() == 2
    assert OutboxEvent.objects.count() == 0


def test_what_was_decided_is_run_by_the_task_with_its_reason() -> None:
    store_letters(3)
    operation = begun(planned())
    assert operation.state == "queued"

    tasks.run_replays()

    operation.refresh_from_db()
    assert outcome(operation) == ("done", 3, 3, 0)
    assert set(DeadLetter.objects.values_list("resolved_by", "resolved_reason")) == {
        (GRACE, "the limit was raised")
    }


def test_what_was_planned_is_what_runs() -> None:
    store_letters(2)
    operation = begun(planned())
    late = DeadLetter.objects.get(position=1)
    DeadLetter.objects.bulk_create([_another(late)])

    run_waiting(turn=TURN)

    operation.refresh_from_db()
    assert outcome(operation) == ("done", 2, 2, 0)
    assert DeadLetter.objects.waiting().get().position == 99


def test_a_letter_that_died_again_since_the_plan_is_refused() -> None:
    again, _ = store_letters(2)
    operation = planned()
    DeadLetter.objects.filter(id=again.id).update(
        failed_at=timezone.now(), error="another cause"
    )

    begun(operation)
    run_waiting(turn=TURN)

    operation.refresh_from_db()
    item = ReplayItem.objects.get(letter_id=again.id)
    assert outcome(operation) == ("done", 2, 1, 1)
    assert item.detail == "It died again since it was looked at; plan anew."
    assert DeadLetter.objects.waiting().get().id == again.id


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_plan_is_not_begun_without_a_reason(reason: str) -> None:
    operation = planned()

    with pytest.raises(ReasonMissing):
        begin(operation_id=operation.id, actor=GRACE, reason=reason, now=timezone.now())

    assert Replay.objects.get().state == "planned"


def test_a_plan_is_begun_once() -> None:
    operation = planned()
    begun(operation)

    with pytest.raises(PlanGone):
        begun(operation)


def test_a_plan_is_begun_by_nobody_else() -> None:
    operation = planned()

    with pytest.raises(PlanGone):
        begin(operation_id=operation.id, actor=ADA, reason="why", now=timezone.now())

    assert Replay.objects.get().state == "planned"


def test_a_plan_grows_too_old() -> None:
    operation = planned()
    later = timezone.now() + PLANS_LIVE_FOR + timedelta(seconds=1)

    with pytest.raises(PlanGone):
        begin(operation_id=operation.id, actor=GRACE, reason="why", now=later)


def test_old_plans_are_forgotten_but_no_decision_is() -> None:
    store_letters(1)
    planned()
    decided = begun(planned())

    forgotten = forget_plans(before=timezone.now() + timedelta(seconds=1))

    assert forgotten == 1
    assert Replay.objects.get() == decided
    assert ReplayItem.objects.get().replay == decided


def test_beat_forgets_old_plans_with_the_other_old_things() -> None:
    planned()
    Replay.objects.update(started_at=timezone.now() - 2 * PLANS_LIVE_FOR)
    young = planned()

    tasks.maintain_tables()

    assert Replay.objects.get() == young


def test_a_plan_can_not_be_resumed() -> None:
    operation = planned()

    with pytest.raises(OperationUnknown):
        resume(operation_id=operation.id, rate=None, stop_on_failure_rate=None)


def test_an_operation_that_is_not_done_when_the_turn_ends_is_gone_on_with(
    together: Together,
) -> None:
    store_letters(3)
    together(1)
    operation = begun(planned())
    left = iter([True, True])

    run_waiting(turn=TURN, going_on=lambda: next(left, False))
    operation.refresh_from_db()
    first = outcome(operation)
    run_waiting(turn=TURN)

    operation.refresh_from_db()
    assert first == ("running", 3, 1, 0)
    assert outcome(operation) == ("done", 3, 3, 0)


def test_what_a_command_left_behind_is_left_to_its_operator(
    together: Together,
) -> None:
    store_letters(2)
    together(1)
    with pytest.raises(KeyboardInterrupt):
        replay(
            selection=Selection(),
            action=Replay.Action.REPLAY,
            actor=GRACE,
            reason="the limit was raised",
            rate=None,
            limit=None,
            stop_on_failure_rate=None,
            on_progress=_interrupt_after_one,
        )

    assert run_waiting(turn=TURN) == 0
    assert outcome(Replay.objects.get()) == ("running", 2, 1, 0)


def test_the_share_of_refusals_that_was_asked_for_stops_it_in_the_background() -> None:
    store_letters(12)
    DeadLetter.objects.update(occurred_at=None)
    operation = begun(
        prepare(
            selection=Selection(),
            action=Replay.Action.REPLAY,
            actor=GRACE,
            rate=None,
            limit=None,
            stop_on_failure_rate=0.1,
        )
    )

    run_waiting(turn=TURN)

    operation.refresh_from_db()
    assert outcome(operation) == ("stopped", 12, 0, 10)


def test_an_operation_that_somebody_runs_is_left_to_them(
    held_elsewhere: HeldElsewhere,
) -> None:
    store_letters(1)
    operation = begun(planned())
    held_elsewhere.hold(operation)

    assert run_waiting(turn=TURN) == 0
    with pytest.raises(OperationBusy):
        resume(operation_id=operation.id, rate=None, stop_on_failure_rate=None)


def test_beat_looks_for_operations_beside_the_relay() -> None:
    entry = app.conf.beat_schedule["outbox-run-replays"]
    route = app.amqp.router.route({}, entry["task"])

    assert (entry["schedule"], entry["task"]) == (2, tasks.run_replays.name)
    assert route["queue"].name == "default"


@pytest.fixture
def worker() -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "-c", WORK],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": _test_database(),
            "DJANGO_SETTINGS_MODULE": "opencore.settings.local",
        },
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def slow_operation() -> Replay:
    store_letters(60)
    return begun(planned(rate=20.0))


def test_what_a_killed_worker_left_is_finished_once_by_the_next(
    slow_operation: Replay, worker: "subprocess.Popen[str]", settings: Settings
) -> None:
    _wait_until(lambda: Replay.objects.filter(done__gte=3).exists())

    worker.kill()
    worker.wait(timeout=DEADLINE)
    left = Replay.objects.get()
    Replay.objects.update(rate=1000.0)
    _wait_until(lambda: run_waiting(turn=TURN) == 1)

    done = Replay.objects.get()
    assert (left.state, left.done < 60) == ("running", True)
    assert outcome(done) == ("done", 60, 60, 0)
    assert OutboxEvent.objects.count() == 60
    assert set(DeadLetter.objects.values_list("replay_count", flat=True)) == {1}


@pytest.fixture
def held_elsewhere() -> Iterator[HeldElsewhere]:
    other = HeldElsewhere()
    yield other
    other.close()


WORK = """
import django
django.setup()
from datetime import timedelta
from outbox.replay.background import run_waiting
run_waiting(turn=timedelta(seconds=60))
"""


def _another(letter: DeadLetter) -> DeadLetter:
    """Return a letter like this one that died later."""
    return DeadLetter(
        scope=letter.scope,
        position=99,
        partition=0,
        offset=1,
        type=letter.type,
        topic=letter.topic,
        key=letter.key,
        payload=letter.payload,
        attempts=1,
        reason=letter.reason,
        error=letter.error,
    )


def _interrupt_after_one(progress: Progress) -> None:
    if progress.done == 1:
        raise KeyboardInterrupt


def _wait_until(happened: Callable[[], bool]) -> None:
    """Wait for it, with a deadline."""
    deadline = monotonic() + DEADLINE
    while not happened():
        assert monotonic() < deadline, "it did not happen"
        Event().wait(0.02)


def _test_database() -> str:
    database = connection.settings_dict
    return make_conninfo(
        user=database["USER"],
        password=database["PASSWORD"],
        host=database["HOST"],
        port=database["PORT"],
        dbname=database["NAME"],
    )

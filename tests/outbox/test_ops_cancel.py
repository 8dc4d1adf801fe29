"""Operations end before their next letter when somebody cancels them, anywhere."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from outbox.models import DeadLetter, Hold, Replay
from outbox.replay import (
    OperationCanceled,
    OperationEnded,
    OperationUnknown,
    Progress,
    Selection,
    cancel,
    replay,
    resume,
)
from outbox.replay.background import run_waiting
from tests.outbox.conftest import Together
from tests.outbox.letters import outcome, replay_all, store_letters
from tests.outbox.plans import ADA, GRACE, HeldElsewhere, begun, planned

pytestmark = pytest.mark.django_db(transaction=True)

TURN = timedelta(seconds=60)
DEADLINE = 60.0


def test_a_queued_operation_is_canceled_at_once_and_says_by_whom() -> None:
    store_letters(2)
    operation = begun(planned())

    canceled = cancel(operation_id=operation.id, actor=ADA)
    run_waiting(turn=TURN)

    assert (outcome(canceled), canceled.canceled_by) == (("canceled", 2, 0, 0), ADA)
    assert canceled.ended_at is not None
    assert DeadLetter.objects.waiting().count() == 2


def test_a_running_operation_ends_before_its_next_letters(together: Together) -> None:
    store_letters(5)
    together(2)

    operation = replay(
        selection=Selection(),
        action=Replay.Action.REPLAY,
        actor=GRACE,
        reason="the limit was raised",
        rate=None,
        limit=None,
        stop_on_failure_rate=None,
        on_progress=_cancel_after_two,
    )

    assert outcome(operation) == ("canceled", 5, 2, 0)
    assert (operation.canceled_by, operation.ended_at is None) == (ADA, False)
    assert operation.items.filter(outcome="planned").count() == 3
    assert Hold.objects.count() == DeadLetter.objects.waiting().count() + 2


def test_a_canceled_operation_is_not_resumed() -> None:
    store_letters(1)
    operation = begun(planned())
    cancel(operation_id=operation.id, actor=ADA)

    with pytest.raises(OperationCanceled, match=f"{ADA} canceled operation"):
        resume(operation_id=operation.id, rate=None, stop_on_failure_rate=None)

    assert Replay.objects.get().state == "canceled"
    assert DeadLetter.objects.waiting().count() == 1


def test_asking_again_keeps_the_first_who_canceled() -> None:
    operation = begun(planned())
    cancel(operation_id=operation.id, actor=ADA)

    assert cancel(operation_id=operation.id, actor=GRACE).canceled_by == ADA


def test_one_that_another_process_runs_is_asked_to_end(
    held_elsewhere: HeldElsewhere,
) -> None:
    operation = begun(planned())
    held_elsewhere.hold(operation)

    canceled = cancel(operation_id=operation.id, actor=ADA)

    assert (canceled.state, canceled.canceled_by) == ("queued", ADA)
    assert canceled.cancel_asked_at is not None


def test_one_that_has_ended_is_not_canceled() -> None:
    operation = replay_all()

    with pytest.raises(OperationEnded):
        cancel(operation_id=operation.id, actor=ADA)

    assert Replay.objects.get().canceled_by == ""


def test_a_plan_is_nothing_that_could_be_canceled() -> None:
    with pytest.raises(OperationUnknown):
        cancel(operation_id=planned().id, actor=ADA)


def test_the_command_cancels_too() -> None:
    store_letters(2)
    operation, out = begun(planned()), StringIO()

    call_command(
        "replay_deadletters",
        *("--cancel", str(operation.id), "--actor", ADA),
        stdout=out,
    )

    assert out.getvalue().splitlines() == [
        f"Operation {operation.id} is canceled; 0 of 2 events were done."
    ]
    assert Replay.objects.get().canceled_by == ADA


def test_the_command_refuses_to_resume_what_was_canceled() -> None:
    operation = begun(planned())
    cancel(operation_id=operation.id, actor=ADA)

    with pytest.raises(CommandError, match=f"{ADA} canceled operation"):
        call_command("replay_deadletters", "--resume", str(operation.id))


@pytest.fixture
def held_elsewhere() -> Iterator[HeldElsewhere]:
    other = HeldElsewhere()
    yield other
    other.close()


def _cancel_after_two(progress: Progress) -> None:
    if progress.done == 2:
        cancel(operation_id=progress.operation_id, actor=ADA)

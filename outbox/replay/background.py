"""Runs what was decided at a page or over REST, and goes on where a worker died."""

from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from outbox.models import Replay
from outbox.replay.executing import OperationBusy, OperationCanceled, run


def run_waiting(*, turn: timedelta, going_on: Callable[[], bool] = lambda: True) -> int:
    """Run the decided operations that nobody runs, until the turn is over.

    Returns how many were run. One that is not done by then is gone on with in the next
    turn, by whoever has it.
    """
    until = monotonic() + turn.total_seconds()

    def in_turn() -> bool:
        return going_on() and monotonic() < until

    waiting = Replay.objects.unfinished().filter(background=True).order_by("id")
    return sum(_try(operation, in_turn) for operation in waiting if in_turn())


def _try(operation: Replay, in_turn: Callable[[], bool]) -> bool:
    try:
        run(
            operation,
            stop_on_failure_rate=operation.stop_on_failure_rate,
            going_on=in_turn,
        )
    except (OperationBusy, OperationCanceled):
        return False
    return True

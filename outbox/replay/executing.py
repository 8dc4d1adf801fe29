"""Runs an operation, many letters at a time, so that a crash loses none of it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

from django.db import connection
from django.db.models.functions import Now

from outbox.models import Replay
from outbox.replay.carrying import carry_out
from outbox.replay.pace import Pace
from outbox.replay.remaining import Remaining
from outbox.replay.selection import ReplayRefused

log = logging.getLogger(__name__)

LOCK_CLASS = 0x0C0E  # the first half of the two-part advisory lock of an operation
# A rate of failures says nothing before so many letters were tried.
ENOUGH_TO_JUDGE = 10


class OperationBusy(ReplayRefused):
    """Somebody is running this operation now."""


class OperationCanceled(ReplayRefused):
    """Somebody canceled it; what was left is as it was."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is."""

    operation_id: UUID
    planned: int
    done: int
    refused: int


Listener = Callable[[Progress], None]


def run(
    operation: Replay,
    *,
    stop_on_failure_rate: float | None,
    listener: Listener | None = None,
    going_on: Callable[[], bool] = lambda: True,
) -> Replay:
    """Do what is left of the operation, until it ends or is no longer to go on.

    Raises OperationBusy while another process runs it, OperationCanceled if it was
    canceled before.
    """
    with _alone(operation):
        begun = Replay.objects.filter(id=operation.id, cancel_asked_at=None).update(
            state=Replay.State.RUNNING, ended_at=None
        )
        if not begun:
            raise OperationCanceled(_who_canceled(operation))
        state = _do_items(operation, stop_on_failure_rate, listener, going_on)
        if state != Replay.State.RUNNING:
            Replay.objects.filter(id=operation.id).update(state=state, ended_at=Now())
    operation.refresh_from_db()
    if state != Replay.State.RUNNING:
        log.warning("replay ended", extra=fields(operation))
    return operation


def lock_name(operation_id: UUID) -> list[int]:
    """Return the advisory lock that whoever runs the operation holds."""
    return [LOCK_CLASS, crc32(operation_id.bytes) - 2**31]


def fields(operation: Replay) -> dict[str, object]:
    """Return what a log line says of an operation."""
    return {
        "operation_id": str(operation.id),
        "action": operation.action,
        "state": operation.state,
        "actor": operation.actor,
        "reason": operation.reason,
        "planned": operation.planned,
        "done": operation.done,
        "refused": operation.refused,
        "canceled_by": operation.canceled_by,
    }


def _do_items(
    operation: Replay,
    stop_on_failure_rate: float | None,
    listener: Listener | None,
    going_on: Callable[[], bool],
) -> Replay.State:
    remaining, pace = Remaining(operation), Pace(operation.rate)
    operation.refresh_from_db(fields=["done", "refused"])
    done, refused = operation.done, operation.refused
    _tell(listener, operation, done, refused)
    while items := remaining.take(_together(pace, done + refused)):
        if _too_many(refused, done + refused, stop_on_failure_rate):
            return Replay.State.STOPPED
        pace.wait()
        if (state := _ended(operation, going_on)) is not None:
            return state
        carried_out = carry_out(operation, items)
        if carried_out is None:
            remaining.take_apart(items)
            continue
        pace.took(len(items))
        done += carried_out
        refused += len(items) - carried_out
        _tell(listener, operation, done, refused)
    return Replay.State.DONE


def _ended(operation: Replay, going_on: Callable[[], bool]) -> Replay.State | None:
    if not going_on():
        return Replay.State.RUNNING
    if _is_canceled(operation):
        return Replay.State.CANCELED
    return None


def _tell(
    listener: Listener | None, operation: Replay, done: int, refused: int
) -> None:
    if listener is not None:
        listener(Progress(operation.id, operation.planned, done, refused))


def _is_canceled(operation: Replay) -> bool:
    asked = Replay.objects.filter(id=operation.id, cancel_asked_at__isnull=False)
    return asked.exists()


def _who_canceled(operation: Replay) -> str:
    operation.refresh_from_db()
    return (
        f"{operation.canceled_by} canceled operation {operation.id};"
        " what was left is as it was."
    )


def _together(pace: Pace, tried: int) -> int:
    # None goes with another that may have to be looked at in between.
    unjudged = ENOUGH_TO_JUDGE - tried
    return min(pace.at_once, unjudged) if unjudged > 0 else pace.at_once


def _too_many(refused: int, tried: int, limit: float | None) -> bool:
    return limit is not None and tried >= ENOUGH_TO_JUDGE and refused / tried > limit


@contextmanager
def _alone(operation: Replay) -> Iterator[None]:
    # The lock belongs to the session, so that a dead process leaves nothing locked.
    name = lock_name(operation.id)
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s, %s)", name)
        if cursor.fetchone() != (True,):
            raise OperationBusy(f"Operation {operation.id} is being run.")
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s, %s)", name)

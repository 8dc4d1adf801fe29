"""Carries out an operation letter by letter, so that a crash loses none of it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from outbox.models import ArchivedEvent, DeadLetter, Replay, ReplayItem
from outbox.replay.letters import LetterRefused, resolve
from outbox.replay.pace import Pace
from outbox.replay.republishing import publish_again
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
    items = operation.items.filter(outcome=ReplayItem.Outcome.PLANNED).order_by("id")
    pace = Pace(operation.rate)
    operation.refresh_from_db(fields=["done", "refused"])
    done, refused = operation.done, operation.refused
    _tell(listener, operation, done, refused)
    for item in list(items):
        if _too_many(refused, done + refused, stop_on_failure_rate):
            return Replay.State.STOPPED
        pace.wait()
        if not going_on():
            return Replay.State.RUNNING
        if _is_canceled(operation):
            return Replay.State.CANCELED
        if _do(operation, item):
            done += 1
        else:
            refused += 1
        _tell(listener, operation, done, refused)
    return Replay.State.DONE


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


def _do(operation: Replay, item: ReplayItem) -> bool:
    """Carry out one item and record what came of it; return whether it was done."""
    refusal = ""
    with transaction.atomic(durable=True):
        try:
            with transaction.atomic():
                letter = _carry_out(operation, item)
        except (LetterRefused, IntegrityError, DataError) as error:
            refusal = str(error)
        _settle(item, refusal)
    if refusal:
        log.warning(
            "letter refused",
            extra={"letter_id": str(item.letter_id), "error": refusal},
        )
        return False
    log.info(
        "letter resolved",
        extra={
            "letter_id": str(letter.id),
            "event_id": str(letter.event_id),
            "type": letter.type,
            "action": operation.action,
        },
    )
    return True


def _carry_out(operation: Replay, item: ReplayItem) -> DeadLetter | ArchivedEvent:
    if operation.action == Replay.Action.REPUBLISH:
        return publish_again(
            event_id=item.letter_id, delivered_at=item.died_at, operation=operation
        )
    return resolve(
        letter_id=item.letter_id,
        action=Replay.Action(operation.action),
        actor=operation.actor,
        reason=operation.reason,
        died_at=item.died_at,
    )


def _settle(item: ReplayItem, refusal: str) -> None:
    outcome = ReplayItem.Outcome.REFUSED if refusal else ReplayItem.Outcome.DONE
    ReplayItem.objects.filter(id=item.id).update(
        outcome=outcome, detail=refusal, at=Now()
    )
    Replay.objects.filter(id=item.replay_id).update(
        done=F("done") + int(not refusal), refused=F("refused") + int(bool(refusal))
    )


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

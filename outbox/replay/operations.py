"""Runs an operator's decision letter by letter, so that a crash loses none of it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID
from zlib import crc32

from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now

from opencore.context import current_request_id
from outbox.models import Replay, ReplayItem
from outbox.replay.letters import LetterRefused, resolve
from outbox.replay.pace import Pace
from outbox.replay.selection import ReplayRefused, Selection

log = logging.getLogger(__name__)

LOCK_CLASS = 0x0C0E  # the first half of the two-part advisory lock of an operation
# A rate of failures says nothing before so many letters were tried.
ENOUGH_TO_JUDGE = 10
ITEMS_AT_ONCE = 5000


class ReasonMissing(ReplayRefused):
    """Nobody said who decides this, or why."""


class OperationUnknown(ReplayRefused):
    """There is no operation of that id."""


class OperationBusy(ReplayRefused):
    """Somebody is running this operation now."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an operation is."""

    operation_id: UUID
    planned: int
    done: int
    refused: int


Listener = Callable[[Progress], None]


def replay(
    *,
    selection: Selection,
    action: Replay.Action,
    actor: str,
    reason: str,
    rate: float | None,
    limit: int | None,
    stop_on_failure_rate: float | None,
    on_progress: Listener | None = None,
) -> Replay:
    """Decide the selected letters, each in its own transaction, and return the record.

    What is planned, by whom and why is committed before the first letter is touched.
    Refused letters are left as they were. If this process dies, `resume` does the rest.
    """
    if not reason.strip() or not actor.strip():
        raise ReasonMissing("Say who decides this and why: an actor and a reason.")
    operation = _record(
        selection=selection,
        action=action,
        actor=actor.strip(),
        reason=reason.strip(),
        rate=rate,
        limit=limit,
    )
    return _run(operation, stop_on_failure_rate, on_progress)


def resume(
    *,
    operation_id: UUID,
    rate: float | None,
    stop_on_failure_rate: float | None,
    on_progress: Listener | None = None,
) -> Replay:
    """Do what is left of an operation, as it was decided; nothing is done twice.

    Without a rate it keeps its own.
    Raises OperationUnknown, or OperationBusy while another process runs it.
    """
    operation = Replay.objects.filter(id=operation_id).first()
    if operation is None:
        raise OperationUnknown(f"There is no operation {operation_id}.")
    if rate is not None:
        operation.rate = rate
    return _run(operation, stop_on_failure_rate, on_progress)


def _record(
    *,
    selection: Selection,
    action: Replay.Action,
    actor: str,
    reason: str,
    rate: float | None,
    limit: int | None,
) -> Replay:
    with transaction.atomic(durable=True):
        letters = list(selection.letters(limit=limit).values_list("id", flat=True))
        operation = Replay.objects.create(
            action=action,
            filters=selection.to_json() | ({"max": limit} if limit else {}),
            reason=reason,
            actor=actor,
            request_id=current_request_id(),
            rate=rate,
            planned=len(letters),
        )
        ReplayItem.objects.bulk_create(
            (ReplayItem(replay=operation, letter_id=letter) for letter in letters),
            batch_size=ITEMS_AT_ONCE,
        )
    log.warning("replay decided", extra=_fields(operation))
    return operation


def _run(
    operation: Replay, stop_on_failure_rate: float | None, listener: Listener | None
) -> Replay:
    with _alone(operation):
        Replay.objects.filter(id=operation.id).update(
            state=Replay.State.RUNNING, ended_at=None
        )
        state = _do_items(operation, stop_on_failure_rate, listener)
        Replay.objects.filter(id=operation.id).update(state=state, ended_at=Now())
    operation.refresh_from_db()
    log.warning("replay ended", extra=_fields(operation))
    return operation


def _do_items(
    operation: Replay, stop_on_failure_rate: float | None, listener: Listener | None
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


def _do(operation: Replay, item: ReplayItem) -> bool:
    """Carry out one item and record what came of it; return whether it was done."""
    refusal = ""
    with transaction.atomic(durable=True):
        try:
            with transaction.atomic():
                letter = resolve(
                    letter_id=item.letter_id,
                    action=Replay.Action(operation.action),
                    actor=operation.actor,
                    reason=operation.reason,
                )
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
    name = [LOCK_CLASS, crc32(operation.id.bytes) - 2**31]
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


def _fields(operation: Replay) -> dict[str, object]:
    return {
        "operation_id": str(operation.id),
        "action": operation.action,
        "state": operation.state,
        "actor": operation.actor,
        "reason": operation.reason,
        "planned": operation.planned,
        "done": operation.done,
        "refused": operation.refused,
    }

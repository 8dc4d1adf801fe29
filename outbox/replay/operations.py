"""What operators decide about dead letters: at once, or as it was planned before."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from opencore.context import current_request_id
from outbox.models import Replay, ReplayItem
from outbox.replay.executing import Listener, fields, lock_name, run
from outbox.replay.selection import ReplayRefused, Selection

log = logging.getLogger(__name__)

# What is to be decided, and when it died or was delivered.
Item = tuple[UUID, datetime]

ITEMS_AT_ONCE = 5000
PLANS_LIVE_FOR = timedelta(minutes=15)


class ReasonMissing(ReplayRefused):
    """Nobody said who decides this, or why."""


class OperationUnknown(ReplayRefused):
    """There is no operation of that id."""


class OperationEnded(ReplayRefused):
    """There is nothing left of it to cancel."""


class PlanGone(ReplayRefused):
    """The plan is used, too old, or somebody else's; plan anew."""


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
    """Decide the selected letters, many in each transaction, and return the record.

    What is planned, by whom and why is committed before the first letter is touched.
    Refused letters are left as they were. If this process dies, `resume` does the rest.
    """
    operation = decide(
        items=lambda: _letters(selection, limit),
        filters=_asked(selection, limit),
        action=action,
        actor=actor,
        reason=reason,
        rate=rate,
        stop_on_failure_rate=stop_on_failure_rate,
    )
    return run(
        operation, stop_on_failure_rate=stop_on_failure_rate, listener=on_progress
    )


def decide(
    *,
    items: Callable[[], Sequence[Item]],
    filters: dict[str, Any],
    actor: str,
    reason: str,
    **told: Any,
) -> Replay:
    """Commit what is to be done, by whom and why, before any of it is done.

    Raises ReasonMissing.
    """
    _insist_on(actor, reason)
    operation = _record(
        items,
        state=Replay.State.RUNNING,
        filters=filters,
        actor=actor.strip(),
        reason=reason.strip(),
        **told,
    )
    log.warning("replay decided", extra=fields(operation))
    return operation


def prepare(
    *,
    selection: Selection,
    action: Replay.Action,
    actor: str,
    rate: float | None,
    limit: int | None,
    stop_on_failure_rate: float | None,
) -> Replay:
    """Keep the exact letters of a decision that `begin` may make; change none of them.

    Nobody but the actor may begin it, once, within a quarter of an hour.
    """
    return _record(
        lambda: _letters(selection, limit),
        filters=_asked(selection, limit),
        state=Replay.State.PLANNED,
        background=True,
        action=action,
        actor=actor,
        reason="",
        rate=rate,
        stop_on_failure_rate=stop_on_failure_rate,
    )


@transaction.atomic
def begin(*, operation_id: UUID, actor: str, reason: str, now: datetime) -> Replay:
    """Decide what was planned; Celery does it. Raises PlanGone, or ReasonMissing."""
    _insist_on(actor, reason)
    begun = Replay.objects.filter(
        id=operation_id,
        actor=actor,
        state=Replay.State.PLANNED,
        started_at__gt=now - PLANS_LIVE_FOR,
    ).update(
        state=Replay.State.QUEUED,
        reason=reason.strip(),
        request_id=current_request_id(),
        started_at=Now(),
    )
    if not begun:
        raise PlanGone("The plan is used, too old, or somebody else's; plan anew.")
    operation = Replay.objects.get(id=operation_id)
    log.warning("replay decided", extra=fields(operation))
    return operation


def resume(
    *,
    operation_id: UUID,
    rate: float | None,
    stop_on_failure_rate: float | None,
    on_progress: Listener | None = None,
) -> Replay:
    """Do what is left of an operation, as it was decided; nothing is done twice.

    Without a rate it keeps its own. Raises OperationUnknown, OperationCanceled, or
    OperationBusy while another process runs it.
    """
    operation = Replay.objects.decided().filter(id=operation_id).first()
    if operation is None:
        raise OperationUnknown(f"There is no operation {operation_id}.")
    if rate is not None:
        operation.rate = rate
    return run(
        operation, stop_on_failure_rate=stop_on_failure_rate, listener=on_progress
    )


@transaction.atomic
def cancel(*, operation_id: UUID, actor: str) -> Replay:
    """Let an operation end before its next letters, and keep who wanted it.

    If nobody runs it, it ends at once. Asking again changes nothing. Raises
    OperationUnknown, or OperationEnded.
    """
    if not actor.strip():
        raise ReasonMissing("Say who cancels this: an actor.")
    mine = Replay.objects.decided().filter(id=operation_id)
    asked = (
        mine.unfinished()
        .filter(cancel_asked_at=None)
        .update(cancel_asked_at=Now(), canceled_by=actor.strip())
    )
    if _nobody_runs(operation_id):
        mine.unfinished().filter(cancel_asked_at__isnull=False).update(
            state=Replay.State.CANCELED, ended_at=Now()
        )
    operation = mine.first()
    if operation is None:
        raise OperationUnknown(f"There is no operation {operation_id}.")
    if operation.cancel_asked_at is None:
        raise OperationEnded(f"Operation {operation_id} is {operation.state} already.")
    if asked:
        log.warning("replay canceled", extra=fields(operation))
    return operation


def forget_plans(*, before: datetime) -> int:
    """Forget plans that nobody may begin any more; return how many there were."""
    old = Replay.objects.filter(state=Replay.State.PLANNED, started_at__lt=before)
    ReplayItem.objects.filter(replay__in=old).delete()
    deleted, _ = old.delete()
    return deleted


def _insist_on(actor: str, reason: str) -> None:
    if not reason.strip() or not actor.strip():
        raise ReasonMissing("Say who decides this and why: an actor and a reason.")


def _letters(selection: Selection, limit: int | None) -> Sequence[Item]:
    return list(selection.letters(limit=limit).values_list("id", "failed_at"))


def _asked(selection: Selection, limit: int | None) -> dict[str, Any]:
    return selection.to_json() | ({"max": limit} if limit else {})


def _record(items: Callable[[], Sequence[Item]], **told: Any) -> Replay:
    with transaction.atomic(durable=True):
        planned = items()
        operation = Replay.objects.create(
            request_id=current_request_id(), planned=len(planned), **told
        )
        ReplayItem.objects.bulk_create(
            (
                ReplayItem(replay=operation, letter_id=letter, died_at=at)
                for letter, at in planned
            ),
            batch_size=ITEMS_AT_ONCE,
        )
    return operation


def _nobody_runs(operation_id: UUID) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_try_advisory_xact_lock(%s, %s)", lock_name(operation_id)
        )
        return bool(cursor.fetchone() == (True,))

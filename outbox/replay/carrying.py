"""Carries out items of an operation and records it: all of them, or none."""

import logging
from collections.abc import Sequence

from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models import F
from django.db.models.functions import Now
from psycopg.errors import LockNotAvailable

from outbox.models import ArchivedEvent, DeadLetter, Replay, ReplayItem
from outbox.replay.letters import LetterRefused, resolve
from outbox.replay.republishing import publish_again

log = logging.getLogger(__name__)

# What several wait for a key; meanwhile all who write events of the others' wait, too.
PATIENCE = "20ms"

Resolved = Sequence[DeadLetter | ArchivedEvent]


def carry_out(operation: Replay, items: Sequence[ReplayItem]) -> int | None:
    """Carry the items out and record it, in one transaction; return how many were done.

    None if they can't go together, since one of them is refused or somebody works on
    its key: nothing was done then. What refuses an item alone is recorded.
    """
    alone = len(items) == 1
    try:
        with transaction.atomic(durable=True):
            if not alone:
                _be_impatient()
            resolved = _act(operation, items)
            _settle(operation, items, ReplayItem.Outcome.DONE)
    except (LetterRefused, IntegrityError, DataError) as error:
        if not alone:
            return None
        _refuse(operation, items, str(error))
        return 0
    except OperationalError as error:
        if alone or not isinstance(error.__cause__, LockNotAvailable):
            raise
        return None
    _report(operation, resolved)
    return len(items)


def _be_impatient() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select set_config('lock_timeout', %s, true)", [PATIENCE])


def _act(operation: Replay, items: Sequence[ReplayItem]) -> Resolved:
    planned = {item.letter_id: item.died_at for item in items}
    if operation.action == Replay.Action.REPUBLISH:
        return publish_again(events=planned, operation=operation)
    return resolve(
        letters=planned,
        action=Replay.Action(operation.action),
        actor=operation.actor,
        reason=operation.reason,
    )


def _refuse(operation: Replay, items: Sequence[ReplayItem], refusal: str) -> None:
    with transaction.atomic(durable=True):
        _settle(operation, items, ReplayItem.Outcome.REFUSED, refusal)
    for item in items:
        log.warning(
            "letter refused",
            extra={"letter_id": str(item.letter_id), "error": refusal},
        )


def _settle(
    operation: Replay,
    items: Sequence[ReplayItem],
    outcome: ReplayItem.Outcome,
    detail: str = "",
) -> None:
    ReplayItem.objects.filter(id__in=[item.id for item in items]).update(
        outcome=outcome, detail=detail, at=Now()
    )
    count = "done" if outcome == ReplayItem.Outcome.DONE else "refused"
    Replay.objects.filter(id=operation.id).update(**{count: F(count) + len(items)})


def _report(operation: Replay, resolved: Resolved) -> None:
    if len(resolved) > 1:
        # One line for each would cost as much as to resolve it.
        log.info(
            "letters resolved",
            extra={
                "operation_id": str(operation.id),
                "action": operation.action,
                "letters": len(resolved),
            },
        )
    level = logging.INFO if len(resolved) == 1 else logging.DEBUG
    if not log.isEnabledFor(level):
        return
    for letter in resolved:
        log.log(
            level,
            "letter resolved",
            extra={
                "letter_id": str(letter.id),
                "event_id": str(letter.event_id),
                "type": letter.type,
                "action": operation.action,
            },
        )

"""What the operators' endpoints read."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Case, IntegerField, QuerySet, Value, When

from opencore.errors import NotFound
from outbox.models import (
    Attempt,
    DeadLetter,
    DeadLetterQuerySet,
    Replay,
    ReplayItem,
    ReplayQuerySet,
)
from outbox.replay import Selection

ATTEMPTS_SHOWN = 100
ITEMS_SHOWN = 100


def dead_letters(*, selection: Selection, state: str) -> DeadLetterQuerySet:
    """Return the letters of a selection that are in this state."""
    return selection.matches().filter(state=state)


def get_dead_letter(*, letter_id: UUID) -> DeadLetter:
    """Return a letter. Raises NotFound."""
    letter = DeadLetter.objects.filter(id=letter_id).first()
    if letter is None:
        raise NotFound("There is no such dead letter.")
    return letter


def attempts_at(*, letter: DeadLetter) -> Sequence[Attempt]:
    """Return the latest attempts at what became this letter, oldest first."""
    if letter.event_id is None:
        return []
    latest = Attempt.objects.filter(
        event_id=letter.event_id, scope=letter.scope
    ).order_by("-id")
    return list(latest[:ATTEMPTS_SHOWN])[::-1]


def replays() -> ReplayQuerySet:
    """Return the operations that somebody decided."""
    return Replay.objects.decided()


def get_replay(*, operation_id: UUID) -> Replay:
    """Return an operation. Raises NotFound."""
    operation = replays().filter(id=operation_id).first()
    if operation is None:
        raise NotFound("There is no such replay.")
    return operation


def items_of(*, operation: Replay) -> Sequence[ReplayItem]:
    """Return the first items of an operation, those that were refused before others."""
    rank = Case(
        When(outcome=ReplayItem.Outcome.REFUSED, then=Value(0)),
        When(outcome=ReplayItem.Outcome.PLANNED, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    items: QuerySet[ReplayItem] = operation.items.all()
    return list(items.order_by(rank, "id")[:ITEMS_SHOWN])

"""What dead letters died of: errors that differ in ids and numbers alone are one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Func, Max, Min, TextField, Value
from django.db.models.functions import Concat, Left

from outbox.models import DeadLetterQuerySet

CAUSE_LENGTH = 160
# Whatever differs between two errors of one cause: ids and numbers.
PARTICULARS = r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\d+"
MOST_GROUPS = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The letters of one type that died of one cause at one place."""

    cause: str
    type: str
    scope: str
    letters: int
    first_seen: datetime
    last_seen: datetime


def cause() -> Concat:
    """Return the class of failure and the first line of the error, as an expression."""
    line = Func("error", Value("\n"), Value(1), function="split_part")
    same = Func(
        Left(line, CAUSE_LENGTH),
        Value(PARTICULARS),
        Value("#"),
        Value("g"),
        function="regexp_replace",
        output_field=TextField(),
    )
    return Concat("reason", Value(": "), same, output_field=TextField())


def groups_of(letters: DeadLetterQuerySet) -> Sequence[Group]:
    """Return the letters by cause, type and scope, the greatest groups first."""
    rows = (
        letters.order_by()
        .annotate(cause=cause())
        .values("cause", "type", "scope")
        .annotate(
            letters=Count("id"), first_seen=Min("failed_at"), last_seen=Max("failed_at")
        )
        .order_by("-letters", "cause", "type", "scope")
    )
    return [Group(**row) for row in rows[:MOST_GROUPS]]

"""Says what an operation on dead letters would do, before anybody does it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Count, Exists, F, Min, OuterRef, Q
from django.db.models.functions import Concat
from psycopg.errors import QueryCanceled

from outbox.backlog import RELAY
from outbox.models import ArchivedEvent, DeadLetter, DeadLetterQuerySet, Hold, Replay
from outbox.replay.causes import cause
from outbox.replay.selection import Selection

CAUSES_SHOWN = 10
PATIENCE = "2s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What would be done; `overtaken` is None if the archive took too long to ask."""

    letters: int
    keys: int
    resolved: int
    oldest: datetime | None
    by_type: dict[str, int]
    by_scope: dict[str, int]
    by_cause: dict[str, int]
    overtaken: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return {
            "letters": self.letters,
            "keys": self.keys,
            "resolved": self.resolved,
            "oldest": self.oldest.isoformat() if self.oldest else None,
            "by_type": self.by_type,
            "by_scope": self.by_scope,
            "by_cause": self.by_cause,
            "out_of_order": self.overtaken,
        }


def plan(*, selection: Selection, limit: int | None) -> Plan:
    """Count what the selection comes to, and change nothing."""
    return _describe(selection.letters(limit=limit))


def plan_of(operation: Replay) -> Plan:
    """Count what a prepared operation comes to, letter by letter."""
    items = operation.items.values("letter_id")
    return _describe(DeadLetter.objects.filter(id__in=items))


def _describe(letters: DeadLetterQuerySet) -> Plan:
    totals = letters.order_by().aggregate(
        letters=Count("id"),
        resolved=Count("id", filter=~Q(state=DeadLetter.State.WAITING)),
        oldest=Min("failed_at"),
    )
    return Plan(
        letters=totals["letters"],
        keys=letters.order_by().values("scope", "topic", "key").distinct().count(),
        resolved=totals["resolved"],
        oldest=totals["oldest"],
        by_type=_counts(letters, F("type")),
        by_scope=_counts(letters, F("scope")),
        by_cause=_counts(letters, cause(), most=CAUSES_SHOWN),
        overtaken=_count_overtaken(letters),
    )


def _counts(
    letters: DeadLetterQuerySet, by: F | Concat, *, most: int | None = None
) -> dict[str, int]:
    groups = (
        letters.order_by()
        .annotate(what=by)
        .values("what")
        .annotate(letters=Count("id"))
        .order_by("-letters", "what")
        .values_list("what", "letters")
    )
    return dict(groups[:most])


def _count_overtaken(letters: DeadLetterQuerySet) -> int | None:
    """Count the letters that would arrive after newer events of their key.

    A letter that holds its key keeps its place. One that doesn't may have been
    overtaken; whether it was, only the archive knows, and it may be large.
    """
    held = Hold.objects.filter(
        scope=OuterRef("scope"),
        topic=OuterRef("topic"),
        key=OuterRef("key"),
        event_id=OuterRef("event_id"),
    )
    loose = letters.order_by().waiting().exclude(Exists(held))
    since = _oldest_event(loose)
    if since is None:
        return 0
    newer = ArchivedEvent.objects.filter(
        topic=OuterRef("topic"), key=OuterRef("key"), delivered_at__gte=since
    )
    sent_later = newer.filter(id__gt=OuterRef("position"))
    # A consumer's positions count parked messages; the ids of events sort by time.
    told_later = newer.filter(event_id__gt=OuterRef("event_id"))
    try:
        with transaction.atomic():
            _limit_statements()
            return (
                loose.filter(Exists(sent_later), scope=RELAY).count()
                + loose.exclude(scope=RELAY).filter(Exists(told_later)).count()
            )
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return None
        raise


def _oldest_event(letters: DeadLetterQuerySet) -> datetime | None:
    """Return a time before which none of the letters' events came to be."""
    failed: datetime | None = letters.aggregate(first=Min("failed_at"))["first"]
    first = letters.filter(event_id__isnull=False).order_by("event_id").first()
    if failed is None or first is None or first.event_id is None:
        return failed
    milliseconds = first.event_id.int >> 80
    return min(failed, datetime.fromtimestamp(milliseconds / 1000, UTC))


def _limit_statements() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [PATIENCE])

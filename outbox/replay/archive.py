"""Publishes delivered events again: those of a time, a type, a topic or a key."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet

from outbox.models import ArchivedEvent, Replay
from outbox.replay.executing import Listener, run
from outbox.replay.operations import Item, decide
from outbox.replay.selection import ReplayRefused


class TimeMissing(ReplayRefused):
    """Neither a time nor an id says where in the archive to look."""


class EventsUnknown(ReplayRefused):
    """Some of the ids belong to no delivered event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveSelection:
    """A set of delivered events, by the time of their delivery or one by one."""

    ids: tuple[UUID, ...] = ()
    type: str | None = None
    topic: str | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def events(self, *, limit: int | None = None) -> list[Item]:
        """Return ids and times of delivery, in the order in which they were emitted.

        Each event once, however often it was published. Raises TimeMissing or
        EventsUnknown.
        """
        self._insist_on_a_place()
        rows = (
            self._matching()
            .values("event_id")
            .annotate(first=Min("id"), delivered=Min("delivered_at"))
            .order_by("first")
            .values_list("event_id", "delivered")
        )
        found: list[Item] = list(rows[:limit])
        self._insist_on_ids({event_id for event_id, _ in found}, limit)
        return found

    def described(self) -> QuerySet[ArchivedEvent]:
        """Return the archive's rows of these events, for counting."""
        self._insist_on_a_place()
        return self._matching()

    def to_json(self) -> dict[str, Any]:
        """Return what was asked for, for the audit; absent filters are left out."""
        asked = {
            "ids": [str(name) for name in self.ids],
            "type": self.type,
            "topic": self.topic,
            "key": self.key,
            "since": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
        }
        return {name: value for name, value in asked.items() if value}

    def _matching(self) -> QuerySet[ArchivedEvent]:
        asked = {
            "event_id__in": self.ids,
            "type": self.type,
            "topic": self.topic,
            "key": self.key,
            "delivered_at__gte": self.since,
            "delivered_at__lt": self.until,
        }
        wanted = {name: value for name, value in asked.items() if value}
        return ArchivedEvent.objects.filter(Q(**wanted))

    def _insist_on_a_place(self) -> None:
        if self.since is None and not self.ids:
            raise TimeMissing(
                "Say since when events were delivered, or name their ids."
            )

    def _insist_on_ids(self, known: set[UUID], limit: int | None) -> None:
        unknown = sorted(str(name) for name in set(self.ids) - known)
        if unknown and limit is None:
            raise EventsUnknown(f"The archive has no event {', '.join(unknown)}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivePlan:
    """What would be published again."""

    events: int
    keys: int
    first: datetime | None
    last: datetime | None
    by_type: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return {
            "events": self.events,
            "keys": self.keys,
            "first_delivered": self.first.isoformat() if self.first else None,
            "last_delivered": self.last.isoformat() if self.last else None,
            "by_type": self.by_type,
        }


def plan_archive(*, selection: ArchiveSelection, limit: int | None) -> ArchivePlan:
    """Count what the selection comes to, and change nothing."""
    rows = selection.described()
    if limit is not None or selection.ids:
        chosen = [event_id for event_id, _ in selection.events(limit=limit)]
        rows = rows.filter(event_id__in=chosen)
    events = Count("event_id", distinct=True)
    totals = rows.aggregate(
        events=events, first=Min("delivered_at"), last=Max("delivered_at")
    )
    types = rows.values("type").annotate(events=events).order_by("-events", "type")
    return ArchivePlan(
        keys=rows.values("topic", "key").distinct().count(),
        by_type=dict(types.values_list("type", "events")),
        **totals,
    )


def republish(
    *,
    selection: ArchiveSelection,
    actor: str,
    reason: str,
    rate: float | None,
    limit: int | None,
    stop_on_failure_rate: float | None,
    on_progress: Listener | None = None,
) -> Replay:
    """Publish the events again, many in each transaction, and return the record.

    What is planned, by whom and why is committed before the first event is touched. If
    this process dies, `resume` does the rest, and nothing twice. They go behind all
    that was emitted before, in their old order within a key, under their old ids: who
    remembers those passes over them.
    """
    operation = decide(
        items=lambda: selection.events(limit=limit),
        filters=selection.to_json() | ({"max": limit} if limit else {}),
        action=Replay.Action.REPUBLISH,
        actor=actor,
        reason=reason,
        rate=rate,
        stop_on_failure_rate=stop_on_failure_rate,
    )
    return run(
        operation, stop_on_failure_rate=stop_on_failure_rate, listener=on_progress
    )

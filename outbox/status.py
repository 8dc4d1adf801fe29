"""How the outbox is: what waits, since when, behind what, and who is at work."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count

from outbox.models import DeadLetter, Hold, Lane, ParkedMessage, TopicPause

COUNTED_EXACTLY = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneStatus:
    """Who sends the events of a lane; nobody if the owner is empty."""

    lane: int
    owner: str
    lease_until: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PausedTopic:
    """A topic that nothing is sent to for now."""

    topic: str
    reason: str
    since: datetime
    resume_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """The outbox at one moment; above a million, `pending` is an estimate."""

    pending: int
    pending_is_estimate: bool
    oldest_pending_at: datetime | None
    oldest_pending_seconds: float
    stray_lanes: list[int]
    held_keys: dict[str, int]
    parked: dict[str, int]
    dead_letters: dict[str, dict[str, int]]
    paused_topics: list[PausedTopic]
    lanes: list[LaneStatus]

    @property
    def served_lanes(self) -> int:
        """Return how many lanes have a relay."""
        return sum(1 for lane in self.lanes if lane.owner)

    @property
    def dead(self) -> int:
        """Return how many dead letters wait for a decision."""
        return sum(sum(types.values()) for types in self.dead_letters.values())


def read_status(*, now: datetime) -> Status:
    """Read how the outbox is; a long backlog is not read to its end."""
    pending, estimated = _count_pending()
    heads = _first_of_each_lane()
    oldest = min(heads.values(), default=None)
    return Status(
        pending=pending,
        pending_is_estimate=estimated,
        oldest_pending_at=oldest,
        oldest_pending_seconds=max((now - oldest) / timedelta(seconds=1), 0.0)
        if oldest
        else 0.0,
        stray_lanes=[lane for lane in heads if lane >= settings.OUTBOX_LANES],
        held_keys=_held_keys(),
        parked=_parked(),
        dead_letters=_dead_letters(),
        paused_topics=_paused_topics(),
        lanes=_lanes(now),
    )


def oldest_waiting() -> datetime | None:
    """Return since when the oldest event waits, or None if none does."""
    return min(_first_of_each_lane().values(), default=None)


def _count_pending() -> tuple[int, bool]:
    pending = _one(
        "select count(*) from (select from outbox_event limit %s) as counted"
    )
    if pending <= COUNTED_EXACTLY:
        return pending, False
    estimate = _one(
        "select greatest(reltuples::bigint, %s) from pg_class"
        " where oid = 'outbox_event'::regclass"
    )
    return estimate, True


def _one(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, [COUNTED_EXACTLY + 1])
        (number,) = cursor.fetchone()
    return int(number)


def _first_of_each_lane() -> dict[int, datetime]:
    """Return when the first event of each lane that has any was stored."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST_OF_EACH_LANE)
        return dict(cursor.fetchall())


def _held_keys() -> dict[str, int]:
    counts = Hold.objects.values_list("scope").annotate(Count("id")).order_by("scope")
    return dict(counts)


def _parked() -> dict[str, int]:
    return dict(
        ParkedMessage.objects.values_list("consumer")
        .annotate(Count("id"))
        .order_by("consumer")
    )


def _dead_letters() -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for scope, kind, number in (
        DeadLetter.objects.waiting()
        .values_list("scope", "type")
        .annotate(Count("id"))
        .order_by("scope", "type")
    ):
        counts.setdefault(scope, {})[kind] = number
    return counts


def _paused_topics() -> list[PausedTopic]:
    return [
        PausedTopic(
            topic=pause.topic,
            reason=pause.reason,
            since=pause.since,
            resume_at=pause.resume_at,
        )
        for pause in TopicPause.objects.order_by("topic")
    ]


def _lanes(now: datetime) -> list[LaneStatus]:
    rows = {lane.lane: lane for lane in Lane.objects.all()}
    statuses = []
    for number in range(settings.OUTBOX_LANES):
        lane = rows.get(number)
        owned = lane is not None and lane.owner and lane.lease_until > now
        statuses.append(
            LaneStatus(
                lane=number,
                owner=lane.owner if lane is not None and owned else "",
                lease_until=lane.lease_until if lane is not None else None,
            )
        )
    return statuses


def to_json(status: Status) -> dict[str, Any]:
    """Return the status as plain values."""
    return {
        "pending": status.pending,
        "pending_is_estimate": status.pending_is_estimate,
        "oldest_pending_at": _text(status.oldest_pending_at),
        "oldest_pending_seconds": round(status.oldest_pending_seconds, 3),
        "stray_lanes": status.stray_lanes,
        "held_keys": status.held_keys,
        "parked": status.parked,
        "dead_letters": status.dead_letters,
        "paused_topics": [
            {
                "topic": pause.topic,
                "reason": pause.reason,
                "since": _text(pause.since),
                "resume_at": _text(pause.resume_at),
            }
            for pause in status.paused_topics
        ],
        "lanes": [
            {
                "lane": lane.lane,
                "owner": lane.owner,
                "lease_until": _text(lane.lease_until),
            }
            for lane in status.lanes
        ],
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


# Goes from lane to lane by the primary key, however many events wait in each.
FIRST_OF_EACH_LANE = """
with recursive heads as (
    (select lane, created_at from outbox_event order by lane, id limit 1)
    union all
    select next.lane, next.created_at
    from heads cross join lateral (
        select lane, created_at from outbox_event e
        where e.lane > heads.lane order by e.lane, e.id limit 1
    ) as next
)
select lane, created_at from heads
"""

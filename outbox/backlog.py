"""What waits in the outbox: read in order, and recorded as sent, retried or dead."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from operator import attrgetter
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from psycopg.rows import args_row
from psycopg.types.json import Jsonb

from opencore.ids import uuid7
from outbox.background import executing
from outbox.backoff import wait_before
from outbox.envelope import headers_of
from outbox.failures import Failure
from outbox.leases import LaneLost, Leases
from outbox.watermark import LowWatermark

RELAY = "relay"


# Not frozen, since that would make reading a row three times as slow; ids and times as
# they are sent and counted, since to make Python's own of them would, too.
@dataclass(slots=True, eq=False)
class WaitingEvent:
    """A row of the hot table, ready to be sent."""

    lane: int
    id: int
    event_id: str
    type: str
    topic: str
    key: str
    payload: bytes
    extra: Mapping[str, str] | None
    request_id: str | None
    # In UTC, without saying so.
    occurred_at: datetime
    # In seconds since 1970.
    created_at: float
    attempts: int
    # Whether nothing was held or paused when it was read.
    nothing_left_out: bool

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the Kafka headers."""
        return headers_of(
            event_id=self.event_id,
            event_type=self.type,
            key=self.key,
            time=f"{self.occurred_at.isoformat()}Z",
            request_id=self.request_id,
            extra=self.extra,
        )


class Backlog:
    """The waiting events of the lanes that a relay holds."""

    def __init__(self, connection: "psycopg.Connection[Any]", leases: Leases) -> None:
        self._connection = connection
        self._leases = leases
        self._low = LowWatermark(connection)
        self._limit = int(settings.OUTBOX_BATCH_ROWS)
        self._turn = 0
        self.exhausted = True

    def due(self, *, besides: Sequence[WaitingEvent] = ()) -> list[WaitingEvent]:
        """Return the next events in the order in which each key must be sent.

        Left out are those on their way already (`besides`), keys that wait behind a
        failed event, and paused topics. Each lane has an equal share of the batch, and
        what the others leave, if the batch before left anything. The batch is bounded
        in rows, and by the size of the batch before also in bytes; `exhausted` tells
        whether it was the last.
        """
        lanes = self._in_turn(self._leases.lanes)
        low = dict(zip(lanes, self._low.of(lanes), strict=True))
        share = ceil(self._limit / max(len(lanes), 1))
        values = {
            "lanes": _array(lanes),
            "low": _array(low.values()),
            "limit": self._limit,
            "share": share,
            "sent": _array(e.id for e in besides if e.id > low[e.lane]),
        }
        with self._connection.cursor(
            binary=True, row_factory=args_row(WaitingEvent)
        ) as cursor:
            cursor.execute(DUE_SHARES if self.exhausted else DUE, values)
            events = cursor.fetchall()
        left_by_shares = self.exhausted and _largest_share(events) >= share
        self.exhausted = len(events) < self._limit and not left_by_shares
        self._limit = _limit_after(events)
        events.sort(key=attrgetter("id"))
        self._pass_over(events)
        return events

    def read_anew(self) -> None:
        """Let events be due again that were, for they may not have been sent."""
        self._low.come_back()

    def mark_delivered(
        self,
        events: Sequence[WaitingEvent],
        *,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        """Move the events to the archive, and let go what waited for them.

        That is the keys behind them, and topics that were paused and took a message
        again. `meanwhile` runs while PostgreSQL works. Raises LaneLost, with nothing
        moved, if a lane went to another relay.
        """
        values = {
            **self._fence(),
            **places_of((event.lane, event.id) for event in events),
            "topics": list({event.topic for event in events}),
            "scope": RELAY,
        }
        with executing(self._connection, DELIVERED, values) as moved:
            meanwhile()
        row = moved.fetchone()
        if row is None or row[0] != len(self._leases.epochs):
            raise LaneLost("while recording what was delivered")

    def record_failure(
        self, event: WaitingEvent, failure: Failure, worker: str
    ) -> bool:
        """Count an attempt; hold the key, or give the event up. Return whether dead."""
        attempts = event.attempts + 1
        dead = attempts >= settings.OUTBOX_MAX_ATTEMPTS
        holds = event.topic not in settings.OUTBOX_PASS_TOPICS
        values: dict[str, Any] = {
            **self._fence(),
            "letter_id": uuid7(),
            "lane": event.lane,
            "id": event.id,
            "event_id": UUID(event.event_id),
            "topic": event.topic,
            "key": event.key,
            "attempts": attempts,
            "wait": wait_before(attempts),
            "worker": worker,
            "failure": str(failure.kind),
            "code": failure.code,
            "message": failure.message,
            "holds": holds,
            "headers": None if event.extra is None else Jsonb(dict(event.extra)),
            "scope": RELAY,
        }
        with self._connection.transaction():
            if self._connection.execute(FENCE, values).rowcount != len(
                self._leases.epochs
            ):
                raise LaneLost("while recording a failure")
            if not self._connection.execute(
                BURY if dead else POSTPONE, values
            ).rowcount:
                # An operator gave it up while it was being sent.
                return False
            self._connection.execute(ATTEMPT, values)
            if holds:
                self._connection.execute(HOLD_DEAD if dead else HOLD, values)
        return dead

    def pause_topic(self, topic: str, failure: Failure, wait: timedelta) -> None:
        """Let the topic's events wait, without an attempt, and look again later."""
        self._connection.execute(
            """
            insert into outbox_topic_pause (topic, reason, code, resume_at)
            values (%s, %s, %s, clock_timestamp() + %s)
            on conflict (topic) do update
            set reason = excluded.reason, code = excluded.code,
                resume_at = excluded.resume_at
            where outbox_topic_pause.resume_at is not null
            """,
            [topic, failure.message, failure.code, wait],
        )

    def _pass_over(self, events: Sequence[WaitingEvent]) -> None:
        """Spare the next read what is on its way now: of each lane all up to the last."""
        if events and events[0].nothing_left_out:
            for lane, last in {event.lane: event.id for event in events}.items():
                self._low.pass_over(lane, up_to=last)

    def _in_turn(self, lanes: list[int]) -> list[int]:
        # What one lane leaves another may take; the next batch begins with another.
        self._turn = (self._turn + 1) % max(len(lanes), 1)
        return lanes[self._turn :] + lanes[: self._turn]

    def _fence(self) -> dict[str, Any]:
        return {
            "owned": _array(self._leases.epochs),
            "epochs": _array(self._leases.epochs.values()),
        }


def _largest_share(events: Sequence[WaitingEvent]) -> int:
    return max(Counter(event.lane for event in events).values(), default=0)


def _limit_after(events: Sequence[WaitingEvent]) -> int:
    rows, size = int(settings.OUTBOX_BATCH_ROWS), int(settings.OUTBOX_BATCH_BYTES)
    if not events:
        return rows
    average = sum(len(event.payload) for event in events) / len(events)
    return max(1, min(rows, int(size / max(average, 1))))


def places_of(events: Iterable[tuple[Any, ...]]) -> dict[str, Any]:
    """Return where these events, each a lane and an id, are, as DELIVERED takes it."""
    places = list(events)
    lanes = {lane for lane, _ in places}
    return {"lanes": _array(lanes), "ids": _array(number for _, number in places)}


def _array(numbers: Iterable[int]) -> str:
    """Return PostgreSQL's text of an array; psycopg's own takes ten times as long."""
    return f"{{{','.join(map(str, numbers))}}}"


# Columns as WaitingEvent has them. Whether anything is held or paused at all is asked
# once; of each event only if so.
DUE_OF_EACH_LANE = """
select e.lane, e.id, e.event_id::text, e.type, e.topic, e.key, e.payload, e.headers,
       e.request_id, e.occurred_at at time zone 'UTC',
       date_part('epoch', e.created_at), e.attempts,
       not (select exists (select from outbox_hold where scope = 'relay'))
       and not (select exists (select from outbox_topic_pause))
from unnest(%(lanes)s::smallint[], %(low)s::bigint[]) as mine(lane, low)
cross join lateral (
    select * from outbox_event w
    where w.lane = mine.lane and w.id > mine.low
      and w.id not in (select unnest(%(sent)s::bigint[]))
      and (w.available_at is null or w.available_at <= now())
      and (not (select exists (select from outbox_hold where scope = 'relay'))
          or not exists (
              select from outbox_hold h
              where h.scope = 'relay' and h.topic = w.topic and h.key = w.key
                and h.event_id is distinct from w.event_id))
      and w.topic <> all (array(
          select p.topic from outbox_topic_pause p
          where p.resume_at is null or p.resume_at > now()))
    order by w.id {bounds}
) as e
"""

# A share of each lane, which lies in the same pages as those of the others and goes with
# them. Most reads find an event or none; to look for more took an eighth of their time.
DUE_SHARES = f"""
({DUE_OF_EACH_LANE.format(bounds="limit %(share)s")})
limit %(limit)s
"""

# Then, if that is too little, what follows it, lane after lane.
DUE = f"""
({DUE_OF_EACH_LANE.format(bounds="limit %(share)s")})
union all
({DUE_OF_EACH_LANE.format(bounds="offset %(share)s limit %(limit)s")})
limit %(limit)s
"""

# Whoever takes a lane waits until the lock is gone with its transaction. It leaves no
# version of the row behind, as a change of it would.
FENCE = """
select f.lane
from outbox_fence f
join unnest(%(owned)s::smallint[], %(epochs)s::bigint[]) as mine(lane, epoch)
    on f.lane = mine.lane and f.epoch = mine.epoch
for share of f
"""

# An id is of one lane. No join, which could be made the other way round: a plan for a
# table that was empty at that moment would read all of it, each time.
DELIVERED = f"""
with fence as ({FENCE}), gone as (
    delete from outbox_event e
    where e.lane = any(%(lanes)s::smallint[]) and e.id = any(%(ids)s::bigint[])
      and (select count(*) from fence) = cardinality(%(owned)s::smallint[])
    returning e.*
), freed as (
    delete from outbox_hold h using gone
    where (select exists (select from outbox_hold where scope = %(scope)s))
      and h.scope = %(scope)s and h.topic = gone.topic and h.key = gone.key
      and h.event_id = gone.event_id
), resumed as (
    delete from outbox_topic_pause
    where topic = any(%(topics)s) and resume_at <= clock_timestamp()
      and (select count(*) from fence) = cardinality(%(owned)s::smallint[])
), kept as (
    insert into outbox_archive
        (id, lane, event_id, type, topic, key, payload, headers, request_id,
         occurred_at, created_at, attempts, delivered_at)
    select id, lane, event_id, type, topic, key, payload, headers, request_id,
           occurred_at, created_at, attempts, clock_timestamp()
    from gone
)
select count(*) from fence
"""  # noqa: S608 -- made of constants

ATTEMPT = """
insert into outbox_attempt (event_id, scope, number, worker, failure, code, message)
values (%(event_id)s, %(scope)s, %(attempts)s, %(worker)s, %(failure)s, %(code)s,
        %(message)s)
"""

POSTPONE = """
update outbox_event
set attempts = %(attempts)s, available_at = clock_timestamp() + %(wait)s
where lane = %(lane)s and id = %(id)s
"""

HOLD = """
insert into outbox_hold (scope, topic, key, event_id, reason, resume_at)
values (%(scope)s, %(topic)s, %(key)s, %(event_id)s, %(message)s,
        clock_timestamp() + %(wait)s)
on conflict (scope, topic, key) do update
set event_id = excluded.event_id, reason = excluded.reason,
    resume_at = excluded.resume_at
where outbox_hold.held_by = ''
"""

HOLD_DEAD = """
insert into outbox_hold (scope, topic, key, event_id, reason, resume_at)
values (%(scope)s, %(topic)s, %(key)s, %(event_id)s, %(message)s, null)
on conflict (scope, topic, key) do update
set event_id = excluded.event_id, reason = excluded.reason, resume_at = null
"""

BURY = """
with gone as (
    delete from outbox_event where lane = %(lane)s and id = %(id)s returning *
)
insert into outbox_dead_letter
    (id, scope, position, lane, event_id, type, topic, key, payload, headers,
     request_id, occurred_at, attempts, reason, code, error, holds_key, state,
     resolved_by, resolved_reason, replay_count)
select %(letter_id)s, %(scope)s, gone.id, lane, event_id, type, topic, key, payload,
       headers, request_id, occurred_at, %(attempts)s, %(failure)s, %(code)s,
       %(message)s, %(holds)s, 'waiting', '', '', 0
from gone
on conflict (scope, event_id) where event_id is not null do update
set attempts = excluded.attempts, reason = excluded.reason, code = excluded.code,
    error = excluded.error, holds_key = excluded.holds_key, state = 'waiting',
    failed_at = clock_timestamp()
"""

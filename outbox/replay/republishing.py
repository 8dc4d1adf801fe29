"""Puts delivered events into the outbox again, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from outbox import doorbell
from outbox.models import ArchivedEvent, Replay
from outbox.publishing import lane_of, lock_stripes, stripe_of
from outbox.replay.letters import LetterRefused


def publish_again(
    *, events: Mapping[UUID, datetime | None], operation: Replay
) -> Sequence[ArchivedEvent]:
    """Emit the events' very bytes behind all that was emitted; say so in their headers.

    They keep the order in which they are given. Raises LetterRefused if the archive has
    dropped one of them; then none of them may be committed.
    """
    found = _find(events)
    lock_stripes(stripe_of(event.key) for event in found)
    values: dict[str, Any] = {
        "event_ids": [event.event_id for event in found],
        "times": [event.delivered_at for event in found],
        "lanes": [lane_of(event.key) for event in found],
        "operation": str(operation.id),
    }
    with connection.cursor() as cursor:
        cursor.execute(AGAIN, values)
    transaction.on_commit(doorbell.ring, robust=True)
    return found


def _find(events: Mapping[UUID, datetime | None]) -> Sequence[ArchivedEvent]:
    copies = ArchivedEvent.objects.defer("payload").filter(
        event_id__in=list(events), delivered_at__in=set(events.values())
    )
    known: dict[tuple[UUID, datetime | None], ArchivedEvent] = {
        (copy.event_id, copy.delivered_at): copy for copy in copies
    }
    if not known.keys() >= set(events.items()):
        raise LetterRefused("The archive does not have it any more.")
    return [known[event] for event in events.items()]


AGAIN = """
insert into outbox_event
    (lane, event_id, type, topic, key, payload, headers, request_id, occurred_at)
select again.lane, a.event_id, a.type, a.topic, a.key, a.payload,
       coalesce(a.headers, '{}'::jsonb) || jsonb_build_object(
           'oc-replay-id', %(operation)s::text,
           'oc-replayed-at',
           to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
       a.request_id, a.occurred_at
from unnest(%(event_ids)s::uuid[], %(times)s::timestamptz[], %(lanes)s::smallint[])
    with ordinality as again(event_id, delivered_at, lane, number)
join outbox_archive a
    on a.event_id = again.event_id and a.delivered_at = again.delivered_at
order by again.number
"""

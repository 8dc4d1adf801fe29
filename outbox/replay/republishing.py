"""Puts one delivered event into the outbox again, in the caller's transaction."""

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from outbox import doorbell
from outbox.models import ArchivedEvent, Replay
from outbox.publishing import lane_of, lock_stripes, stripe_of
from outbox.replay.letters import LetterRefused


def publish_again(
    *, event_id: UUID, delivered_at: datetime | None, operation: Replay
) -> ArchivedEvent:
    """Emit the event's very bytes behind all that was emitted; say so in its headers.

    Raises LetterRefused if the archive has dropped it.
    """
    copies = ArchivedEvent.objects.filter(event_id=event_id)
    event = next((copy for copy in copies if copy.delivered_at == delivered_at), None)
    if event is None:
        raise LetterRefused("The archive does not have it any more.")
    lock_stripes([stripe_of(event.key)])
    with connection.cursor() as cursor:
        cursor.execute(
            AGAIN,
            {
                "id": event.id,
                "delivered_at": delivered_at,
                "lane": lane_of(event.key),
                "operation": str(operation.id),
            },
        )
    transaction.on_commit(doorbell.ring, robust=True)
    return event


AGAIN = """
insert into outbox_event
    (lane, event_id, type, topic, key, payload, headers, request_id, occurred_at)
select %(lane)s, event_id, type, topic, key, payload,
       coalesce(headers, '{}'::jsonb) || jsonb_build_object(
           'oc-replay-id', %(operation)s::text,
           'oc-replayed-at',
           to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
       request_id, occurred_at
from outbox_archive
where id = %(id)s and delivered_at = %(delivered_at)s
"""

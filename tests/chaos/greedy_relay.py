"""A relay as many outboxes have it, which must be caught: rows are claimed one by one.

`for update skip locked` lets several relays share the rows of one key, and then nothing
keeps them in order.
"""

import os
from dataclasses import dataclass
from threading import Event
from uuid import UUID

import django
import psycopg
from psycopg.rows import class_row

BATCH = 10
CLAIM = """
select id, event_id, topic, key, payload from outbox_event
order by id limit %s for update skip locked
"""
MOVE = """
with gone as (delete from outbox_event where id = any(%s) returning *)
insert into outbox_archive
    (id, lane, event_id, type, topic, key, payload, headers, request_id, occurred_at,
     created_at, attempts, delivered_at)
select id, lane, event_id, type, topic, key, payload, headers, request_id, occurred_at,
       created_at, attempts, clock_timestamp()
from gone
"""


@dataclass(frozen=True)
class Claimed:
    """A row that this relay alone may send."""

    id: int
    event_id: UUID
    topic: str
    key: str
    payload: bytes

    def headers(self) -> list[tuple[str, bytes]]:
        """Return what the observer knows it by."""
        return [("ce_id", str(self.event_id).encode())]


def main() -> None:
    """Claim, send and move, for ever."""
    django.setup()
    from outbox.kafka.publisher import KafkaPublisher  # noqa: PLC0415 -- apps are loading

    publisher = KafkaPublisher()
    with psycopg.connect(
        os.environ["DATABASE_URL"], row_factory=class_row(Claimed)
    ) as connection:
        while True:
            with connection.transaction():
                rows = connection.execute(CLAIM, [BATCH]).fetchall()
                publisher.publish(rows, while_waiting=lambda: True)
                connection.execute(MOVE, [[row.id for row in rows]])
            Event().wait(0.005)


if __name__ == "__main__":
    main()

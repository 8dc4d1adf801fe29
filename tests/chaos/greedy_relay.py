"""A relay as many outboxes have it, which must be caught: rows are claimed one by one.

`for update skip locked` lets several relays share the rows of one key, and then nothing
keeps them in order.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event
from uuid import UUID

import psycopg
from confluent_kafka import Producer
from psycopg.rows import class_row

from tests.chaos.chance import chance_of

BATCH = 10
# What a relay does besides: encode, wait for a processor, look something up.
LONGEST_WORK = 0.05
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


def main() -> None:
    """Claim, send and move, for ever."""
    producer = Producer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
        }
    )
    chance = chance_of(os.getpid())
    with psycopg.connect(
        os.environ["DATABASE_URL"], row_factory=class_row(Claimed)
    ) as connection:
        while True:
            with connection.transaction():
                rows = connection.execute(CLAIM, [BATCH]).fetchall()
                Event().wait(chance.uniform(0, LONGEST_WORK))
                _send(producer, rows)
                connection.execute(MOVE, [[row.id for row in rows]])


def _send(producer: Producer, rows: Sequence[Claimed]) -> None:
    for row in rows:
        producer.produce(
            row.topic,
            row.payload,
            key=row.key,
            # What the observer knows it by.
            headers=[("ce_id", str(row.event_id).encode())],
        )
    producer.flush()


if __name__ == "__main__":
    main()

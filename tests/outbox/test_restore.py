"""An outbox that is dumped and restored elsewhere goes on by itself.

With PostgreSQL's own `pg_dump` and `pg_restore`, into a cluster that has given out
other numbers of transactions, and that no relay has ever worked in.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from psycopg import sql

from outbox import watermark
from outbox.connecting import open_connection
from outbox.holding import hold_key
from outbox.models import ArchivedEvent, DeadLetter, Hold, OutboxEvent
from outbox.relay import Relay, Tally
from outbox.releasing import release_key
from tests.outbox.clusters import Cluster, dump, working_in
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import TOO_LARGE, bury, replay_all

TOPIC = "opencore.user.v1"
TABLES = (
    "outbox_event",
    "outbox_archive",
    "outbox_dead_letter",
    "outbox_hold",
    "outbox_attempt",
    "outbox_operator_action",
)


@dataclass
class World:
    """What was in the old cluster, and the database that was restored from it."""

    url: str
    delivered: list[UUID]
    waiting: list[UUID]
    held: list[UUID]
    retried: list[UUID]
    dead: list[UUID]
    rows: dict[str, list[tuple[Any, ...]]]
    last_id: int
    kafka: KafkaSpy

    def sent(self, of: str) -> list[UUID]:
        """Return the ids that Kafka got of one person, in order."""
        mine = person(of)
        return [one.event_id for one in self.kafka.envelopes if one.event.key == mine]


@pytest.fixture
def world(
    new_relay: Relays, kafka: KafkaSpy, second_cluster: Cluster, tmp_path: Path
) -> World:
    """Dump while events wait, are held, retried, dead and delivered, and lanes owned."""
    relay = new_relay("of the old cluster")
    delivered = [tell_of("grace"), tell_session_ended("grace")]
    assert relay.relay_batch() == Tally(sent=2)
    dead = [*bury(relay, kafka, "mallory"), tell_session_ended("mallory")]
    retried = [tell_of("eve", email=TOO_LARGE), tell_session_ended("eve")]
    kafka.largest = 1000
    assert relay.relay_batch() == Tally(retried=1)
    resume_at(timezone.now() + timedelta(hours=1))
    hold_key(
        scope="relay", topic=TOPIC, key=str(person("alan")), actor="grace", reason="why"
    )
    held = [tell_of("alan"), tell_session_ended("alan")]
    waiting = [tell_of("ada"), *[tell_session_ended("ada") for _ in range(3)]]
    rows, last_id = rows_of(TABLES), highest_id()
    url = second_cluster.restore(dump(tmp_path / "dump"), f"restored_{uuid4().hex}")
    return World(
        url, delivered, waiting, held, retried, dead, rows, last_id, KafkaSpy()
    )


@pytest.fixture
def relay_there(world: World) -> Iterator[Callable[[], Relay]]:
    """Work in the restored database; return a maker of its first relay."""
    opened: list[psycopg.Connection[Any]] = []

    def relay_there() -> Relay:
        opened.append(open_connection(application_name="relay of the new cluster"))
        relay = Relay(connection=opened[0], publisher=world.kafka, name="new")
        assert relay.take_lanes() is True
        return relay

    with working_in(world.url):
        yield relay_there
        for one in opened:
            one.close()


def test_delivery_goes_on_in_order_without_a_manual_step(
    world: World, relay_there: Callable[[], Relay]
) -> None:
    relay = relay_there()

    assert len(relay.lanes) == 16
    assert relay.relay_batch() == Tally(sent=4)

    assert world.sent("ada") == world.waiting
    assert len(world.kafka.received) == 4


def test_every_row_is_there_as_it_was(
    world: World, relay_there: Callable[[], Relay]
) -> None:
    restored = rows_of(TABLES)

    assert restored == world.rows
    assert [len(restored[table]) for table in TABLES] == [9, 2, 1, 3, 2, 1]


def test_what_is_told_after_it_comes_after_what_was_told_before(
    world: World, relay_there: Callable[[], Relay]
) -> None:
    later = tell_session_ended("ada")

    relay_there().relay_batch()

    assert world.sent("ada") == [*world.waiting, later]
    assert ArchivedEvent.objects.get(event_id=later).id > world.last_id


def test_held_retried_and_dead_events_are_decided_and_delivered_as_before(
    world: World, relay_there: Callable[[], Relay], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watermark, "RESCAN", timedelta(seconds=-1))
    relay = relay_there()
    relay.relay_batch()

    release_key(
        scope="relay", topic=TOPIC, key=str(person("alan")), actor="grace", reason="why"
    )
    replay_all()
    resume_at(timezone.now())
    tallies = [relay.relay_batch() for _ in range(3)]

    assert sum(tally.sent for tally in tallies) == 6
    assert world.sent("alan") == world.held
    assert world.sent("mallory") == world.dead
    assert world.sent("eve") == world.retried
    assert (OutboxEvent.objects.count(), Hold.objects.count()) == (0, 0)
    assert DeadLetter.objects.get().state == DeadLetter.State.REPLAYED


def resume_at(moment: datetime) -> None:
    """Let the event that is to be tried again be due at this time."""
    mine = {"key": str(person("eve"))}
    OutboxEvent.objects.filter(**mine, attempts=1).update(available_at=moment)
    Hold.objects.filter(**mine).update(resume_at=moment)


def rows_of(tables: tuple[str, ...]) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of these tables, each as text, in an order of their own."""
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(
                sql.SQL("select row::text from {} as row order by 1").format(
                    sql.Identifier(table)
                )
            )
            found[table] = list(cursor.fetchall())
    return found


def highest_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select last_value from outbox_event_id_seq")
        return int(cursor.fetchone()[0])

"""What an event costs PostgreSQL, in numbers that no machine and no load changes.

Statements, syncs and bytes of the log, counted by the server itself. It syncs here, as
in production, and nothing else works in it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction
from django.test import override_settings

from opencore.events.user.v1 import UserCreated
from outbox import watermark
from outbox.connecting import open_connection
from outbox.publishing import emit
from outbox.relay import Relay
from outbox.replay.carrying import carry_out
from tests.outbox.clusters import Cluster, working_in
from tests.outbox.events import person, tell_of
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import store_letters
from tests.outbox.plans import begun, planned

Flush = Callable[[str], object]
BATCH = 2000
SEGMENT = 16 * 1024 * 1024
PAYLOAD = b"x" * 500


@dataclass(frozen=True)
class Cost:
    """What some work cost."""

    statements: int
    syncs: int
    bytes: int


@dataclass(frozen=True)
class Meter:
    """Reads the counters of one database of the second cluster."""

    own: "psycopg.Connection[Any]"
    database: str

    def cost(self, of: Callable[[], object], *, pid: int, flush: Flush) -> Cost:
        """Return what this work of the session `pid` cost."""
        # The end of a segment is a sync of its own; a new one holds 16 MB.
        self.own.execute("select pg_switch_wal()")
        flush("select pg_stat_force_next_flush()")
        syncs, size = self._log(pid)
        self.own.execute("select pg_stat_statements_reset()")
        of()
        (statements,) = self._one(
            "select coalesce(sum(calls), 0)::int from pg_stat_statements"
            " where dbid = (select oid from pg_database where datname = %s)",
            self.database,
        )
        flush("select pg_stat_force_next_flush()")
        syncs_after, size_after = self._log(pid)
        return Cost(statements, syncs_after - syncs, size_after - size)

    def _log(self, pid: int) -> tuple[Any, ...]:
        return self._one(
            "select (select sum(fsyncs) from pg_stat_get_backend_io(%s)"
            " where object = 'wal' and context = 'normal')::int,"
            " (select wal_bytes from pg_stat_get_backend_wal(%s))::bigint",
            pid,
            pid,
        )

    def _one(self, query: LiteralString, *values: object) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self.own.execute(query, values).fetchone()
        assert row is not None
        return row


@pytest.fixture
def meter(transactional_db: None, second_cluster: Cluster) -> Iterator[Meter]:
    """Work in a database of the second cluster that has all tables and no rows."""
    name = f"counted_{uuid4().hex}"
    url = second_cluster.copy_without_rows(name)
    with psycopg.connect(second_cluster.url_of("postgres"), autocommit=True) as own:
        own.execute("create extension if not exists pg_stat_statements")
        with working_in(url):
            yield Meter(own, name)


def test_one_event_costs_one_statement_and_a_share_of_its_transactions_sync(
    meter: Meter,
) -> None:
    cost = cost_of(meter, lambda: tell_of("ada"))

    # The locks with the insert, between the BEGIN and the COMMIT of the change.
    assert (cost.statements, cost.syncs) == (3, 1)
    assert cost.bytes < 1000


def test_a_thousand_events_of_a_transaction_cost_one_statement_more_than_one(
    meter: Meter,
) -> None:
    cost = cost_of(meter, lambda: tell_of_many(1000))

    # The locks, and then a copy of all rows.
    assert (cost.statements, cost.syncs) == (4, 1)
    assert cost.bytes < 1000 * 800


@pytest.mark.parametrize("letters", [2, 200])
def test_letters_that_are_replayed_at_once_cost_nine_statements_and_one_sync(
    meter: Meter, letters: int
) -> None:
    store_letters(letters, held=False)
    operation = begun(planned())
    items = list(operation.items.order_by("id"))

    cost = cost_of(meter, lambda: carry_out(operation, items))

    # The letters, their locks, claims, rows, and two for what is recorded, after how
    # long a lock is waited for; between a BEGIN and a COMMIT.
    assert (cost.statements, cost.syncs) == (9, 1)
    operation.refresh_from_db()
    assert operation.done == letters


@dataclass(frozen=True)
class CountedRelay:
    """A relay at work, and what its work costs."""

    relay: Relay
    kafka: KafkaSpy
    own: "psycopg.Connection[Any]"
    meter: Meter

    def cost(self, of: Callable[[], object]) -> Cost:
        pid = self.own.info.backend_pid
        return self.meter.cost(of, pid=pid, flush=self._flush)

    def drain(self, events: int) -> None:
        left = events
        while left:
            sent = self.relay.relay_batch().sent
            assert sent > 0
            left -= sent

    def _flush(self, statement: str) -> None:
        self.own.execute(statement.encode())


@pytest.fixture
def counted(meter: Meter, monkeypatch: pytest.MonkeyPatch) -> Iterator[CountedRelay]:
    # What a relay does by the clock, however much it sends, is not counted.
    monkeypatch.setattr(watermark, "RESCAN", timedelta(days=1))
    kafka = KafkaSpy()
    with (
        override_settings(OUTBOX_LEASE=timedelta(days=1)),
        open_connection(application_name="counted") as own,
    ):
        relay = Relay(connection=own, publisher=kafka, name="counted")
        relay.take_lanes()
        counted = CountedRelay(relay, kafka, own, meter)
        fill(10)
        counted.drain(10)
        yield counted


@pytest.mark.parametrize("events", [2000, 20_000])
def test_a_drain_costs_two_statements_and_one_sync_per_batch(
    counted: CountedRelay, events: int
) -> None:
    fill(events)

    cost = counted.cost(lambda: counted.drain(events))

    batches = events // BATCH
    assert cost.statements <= 2 * batches + 2
    assert cost.syncs <= batches + 2 + cost.bytes // SEGMENT
    assert cost.bytes < 2 * len(PAYLOAD) * events


def test_where_nothing_waits_a_look_is_one_statement_that_writes_nothing(
    counted: CountedRelay,
) -> None:
    cost = counted.cost(counted.relay.relay_batch)

    assert cost == Cost(statements=1, syncs=0, bytes=0)


def test_while_kafka_is_away_nothing_is_written(counted: CountedRelay) -> None:
    fill(10)
    counted.kafka.up = False
    counted.relay.relay_batch()

    cost = counted.cost(counted.relay.relay_batch)

    assert cost == Cost(statements=1, syncs=0, bytes=0)


def cost_of(meter: Meter, telling: Callable[[], object]) -> Cost:
    """Return what it costs to tell, on Django's connection, which is warm already."""
    tell_of("grace")
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        (pid,) = cursor.fetchone()
        return meter.cost(telling, pid=pid, flush=cursor.execute)


def tell_of_many(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            emit(UserCreated(user_id=person(str(number)), email="x@example.com"))


def fill(count: int) -> None:
    """Store events of many keys, as their writers would have left them."""
    with connection.cursor() as cursor:
        cursor.execute(FILL, [PAYLOAD, count])


FILL = """
insert into outbox_event (lane, event_id, type, topic, key, payload, occurred_at)
select n %% 16, gen_random_uuid(), 'opencore.user.v1.user-created',
       'opencore.user.v1', n::text, %s, now()
from generate_series(1, %s) as n
"""

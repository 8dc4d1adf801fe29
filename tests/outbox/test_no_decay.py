"""A transaction that somebody forgot elsewhere neither stops delivery nor slows it.

Asserted by the blocks that PostgreSQL says it visited, never by a clock.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo
from psycopg.errors import Diagnostic
from pytest_django import Settings

from outbox import backlog, watermark
from outbox.connecting import open_connection
from outbox.models import Hold
from outbox.relay import Relay, Tally
from outbox.watermark import LowWatermark
from tests.outbox.events import tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import bury, replay_all

DELIVERED = 6000
BATCH = 2000
# Of each of the sixteen lanes: down the index, to the row, and a little to spare.
A_FEW = 16 * 12
A_LITTLE = 16
SNAPSHOT = (
    "set transaction isolation level repeatable read; select count(*) from pg_class"
)
NUMBER = "select pg_current_xact_id()"


@dataclass
class Blocks:
    """Adds up what a connection's statements on the outbox visit, also in vain."""

    visited: int = 0
    left_out: int = 0
    statements: list[str] = field(default_factory=list)

    def watch(self, own: "psycopg.Connection[Any]") -> None:
        own.execute("load 'auto_explain'")
        for name, value in EXPLAINED.items():
            own.execute(f"set auto_explain.{name} = {value}")
        own.add_notice_handler(self._note)

    def _note(self, notice: Diagnostic) -> None:
        _, found, plan = (notice.message_primary or "").partition("plan:\n")
        explained: dict[str, Any] = json.loads(plan) if found else {"Query Text": ""}
        if "outbox_event" in explained["Query Text"]:
            self.statements.append(explained["Query Text"].split()[0])
            top = explained["Plan"]
            self.visited += top["Shared Hit Blocks"] + top["Shared Read Blocks"]
            self.left_out += left_out(top)


def scans_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return how a plan reads what waits."""
    found = [scan for each in plan.get("Plans", ()) for scan in scans_of(each)]
    reads = plan["Node Type"].endswith("Scan")
    if reads and plan.get("Relation Name") == "outbox_event":
        found.append(plan)
    return found


def left_out(plan: dict[str, Any]) -> int:
    """Return how many rows a plan looked at in vain; zero only if it is none."""
    below = sum(left_out(each) for each in plan.get("Plans", ()))
    return below + int(plan.get("Rows Removed by Filter", 0) > 0)


EXPLAINED = {
    "log_min_duration": "0",
    "log_analyze": "on",
    "log_buffers": "on",
    "log_timing": "off",
    "log_format": "json",
    "log_level": "notice",
}


@pytest.fixture(autouse=True)
def looking_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a relay look for its mark at every batch instead of once a second."""
    monkeypatch.setattr(watermark, "RESCAN", timedelta(seconds=-1))


@pytest.fixture
def forget_a_transaction(transactional_db: None) -> Iterator[Callable[..., None]]:
    """Open a transaction that nobody ends, in this database or in another one."""
    opened: list[psycopg.Connection[Any]] = []

    def forget(statement: str, *, database: str | None) -> None:
        with open_connection(application_name="forgotten") as like:
            info = make_conninfo(
                like.info.dsn,
                password=like.info.password,
                dbname=database or like.info.dbname,
            )
        opened.append(psycopg.connect(info))
        for part in statement.split(";"):
            opened[-1].execute(part)

    yield forget
    for one in opened:
        one.close()


@dataclass
class Delivery:
    """A relay that delivers thousands, and what its statements visit meanwhile."""

    relay: Relay
    blocks: Blocks

    def deliver(self, count: int) -> None:
        for _ in range(count // BATCH):
            fill(BATCH)
            assert self.relay.relay_batch() == Tally(sent=BATCH)
        # The mark rises when nobody writes who wrote when its id was the highest.
        for _ in range(2):
            assert self.relay.relay_batch() == Tally()

    def visits_for_one_event(self) -> int:
        tell_of("ada")
        self.blocks.visited = 0
        assert self.relay.relay_batch() == Tally(sent=1)
        return self.blocks.visited


@pytest.fixture
def delivery(
    connect: Callable[[], "psycopg.Connection[Any]"], kafka: KafkaSpy
) -> Delivery:
    own, blocks = connect(), Blocks()
    blocks.watch(own)
    relay = Relay(connection=own, publisher=kafka, name="watched")
    relay.take_lanes()
    return Delivery(relay, blocks)


@pytest.mark.parametrize("database", [None, "postgres"], ids=["here", "elsewhere"])
@pytest.mark.parametrize("statement", [SNAPSHOT, NUMBER], ids=["snapshot", "number"])
def test_a_forgotten_transaction_lets_no_read_pass_over_what_was_delivered(
    delivery: Delivery,
    forget_a_transaction: Callable[..., None],
    statement: str,
    database: str | None,
) -> None:
    forget_a_transaction(statement, database=database)

    delivery.deliver(DELIVERED)

    assert delivery.visits_for_one_event() < A_FEW
    assert delivery.visits_for_one_event() < A_FEW


def test_a_forgotten_transaction_lets_no_batch_pass_over_what_its_lease_left_behind(
    delivery: Delivery,
    forget_a_transaction: Callable[..., None],
    settings: Settings,
) -> None:
    """Each renewal leaves a version of the lane's row, which nothing may remove now."""
    # So short that the lease is renewed before each batch.
    settings.OUTBOX_LEASE = timedelta(microseconds=3)
    forget_a_transaction(SNAPSHOT, database=None)
    delivery.deliver(BATCH)
    before = delivery.visits_for_one_event()

    for _ in range(200):
        delivery.relay.take_lanes()
        delivery.visits_for_one_event()

    assert versions_of_lanes() > 16 * 200
    assert delivery.visits_for_one_event() < before + A_LITTLE


def versions_of_lanes() -> int:
    """Return how many versions of their rows lie in the table of the lanes."""
    with connection.cursor() as cursor:
        cursor.execute("create extension if not exists pgstattuple")
        cursor.execute(
            "select tuple_count + dead_tuple_count from pgstattuple('outbox_lane')"
        )
        (found,) = cursor.fetchone()
    return int(found)


def test_what_is_on_its_way_is_not_read_again_for_the_next_batch(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watermark, "RESCAN", timedelta(hours=1))
    fill(3 * BATCH)

    delivered = [delivery.relay.relay_batch() for _ in range(4)]

    assert delivered == [*[Tally(sent=BATCH)] * 3, Tally()]
    assert delivery.blocks.left_out == 0


def test_what_is_on_its_way_is_read_again_where_something_is_held(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watermark, "RESCAN", timedelta(hours=1))
    Hold.objects.create(scope="relay", topic="opencore.user.v1", key="somebody")
    fill(2 * BATCH)

    delivered = [delivery.relay.relay_batch() for _ in range(3)]

    assert delivered == [*[Tally(sent=BATCH)] * 2, Tally()]
    assert delivery.blocks.left_out > 0


def test_what_was_delivered_is_found_by_index_in_a_table_that_is_believed_empty(
    connect: Callable[[], "psycopg.Connection[Any]"],
) -> None:
    """Plans are kept, and the table may be full by then."""
    own = connect()
    own.execute("truncate outbox_event")
    own.execute("vacuum analyze outbox_event")

    row = own.execute(
        f"explain (format json) {backlog.DELIVERED}".encode(),
        {
            "owned": [0],
            "epochs": [0],
            "scope": "relay",
            "topics": [],
            **backlog.places_of([(0, 1), (0, 2), (1, 3), (1, 4)]),
        },
    ).fetchone()

    assert row is not None
    (scan,) = scans_of(row[0][0]["Plan"])
    assert "id = ANY" in scan["Index Cond"]


def test_without_the_mark_every_read_passes_over_all_that_was_delivered(
    delivery: Delivery,
    forget_a_transaction: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: what the others measure is there to be measured."""
    monkeypatch.setattr(LowWatermark, "of", lambda _self, lanes: [0] * len(lanes))
    forget_a_transaction(SNAPSHOT, database=None)

    delivery.deliver(DELIVERED)

    assert delivery.visits_for_one_event() > 20 * A_FEW


def test_a_replayed_event_is_seen_in_its_old_place_below_the_mark(
    delivery: Delivery, kafka: KafkaSpy
) -> None:
    (event_id,) = bury(delivery.relay, kafka, "mallory")
    behind = tell_session_ended("mallory")
    delivery.deliver(BATCH)
    kafka.received.clear()

    replay_all()

    assert delivery.relay.relay_batch() == Tally(sent=1)
    assert delivery.relay.relay_batch() == Tally(sent=1)
    assert [envelope.event_id for envelope in kafka.envelopes] == [event_id, behind]


def fill(count: int) -> None:
    """Store events of many keys, as their writers would have left them."""
    with connection.cursor() as cursor:
        cursor.execute(FILL, [b"x" * 500, count])


FILL = """
insert into outbox_event (lane, event_id, type, topic, key, payload, occurred_at)
select n %% 16, gen_random_uuid(), 'opencore.user.v1.user-created',
       'opencore.user.v1', n::text, %s, now()
from generate_series(1, %s) as n
"""

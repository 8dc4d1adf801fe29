"""What an event costs the transaction that tells it: one, and a thousand together."""

from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from time import perf_counter
from uuid import uuid4

from django.db import connection, transaction
from django.utils import timezone

from outbox.publishing import emit, emit_all, lane_of
from tests.bench.brokers import broker
from tests.bench.figures import Result, Sample, Say, interleaved
from tests.bench.peering import Peer, present
from tests.bench.samples import TOPIC, new_event, payload_of

BULK = 1000
BARE = "a bare insert into the same table"
EMIT = "emit()"
EMIT_ALL = "emit_all()"

# What is told is made before, and all of it; peers get what they tell from outside, too.
Tell = Callable[[], object]


def measure(*, events: int, rounds: int, peers: Sequence[str], say: Say) -> Result:
    """Measure what a transaction of one row lasts longer with events in it."""
    with connection.cursor() as cursor:
        cursor.execute("create table if not exists bench_row (id uuid primary key)")
    try:
        with broker("mock" if peers else "Kafka", TOPIC):
            found, _ = present(peers, say)
        one = _measure("emitting, 1", 1, max(events // 500, 5), rounds, found, say)
        bulk = max(events // 20_000, 3)
        return one + _measure("emitting, 1,000", BULK, bulk, rounds, found, say)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("drop table bench_row")
            cursor.execute("truncate outbox_event")


def _measure(
    bench: str, events: int, pairs: int, rounds: int, peers: Sequence[Peer], say: Say
) -> Result:
    theirs = {
        peer.title: partial(peer.emit, events=events, pairs=pairs) for peer in peers
    }
    ours = {
        BARE: lambda: marginal(_insert, events=events, pairs=pairs),
        EMIT: lambda: marginal(_emit, events=events, pairs=pairs),
    }
    if events > 1:
        ours[EMIT_ALL] = lambda: marginal(_emit_all, events=events, pairs=pairs)
    found = interleaved(
        bench, {**ours, **theirs}, rounds=rounds, unit="us/event", say=say
    )
    cheapest = min(theirs, key=found.middle, default=None)
    best = EMIT if events == 1 else EMIT_ALL
    goals = [found.at_most(0.7, best, of=cheapest)] if cheapest else []
    return Result(found.figures(), goals)


def marginal(tells: Callable[[int], Tell], *, events: int, pairs: int) -> Sample:
    """Return the microseconds that each event adds, in transactions that take turns."""
    plain, told = [], []
    for _ in range(pairs):
        plain.append(_lasts(lambda: None))
        told.append(_lasts(tells(events)))
    return Sample((median(told) - median(plain)) / events * 1e6)


def _lasts(tell: Tell) -> float:
    began = perf_counter()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("insert into bench_row values (%s)", [uuid4()])
        tell()
    return perf_counter() - began


def _emit(events: int) -> Tell:
    made = [new_event() for _ in range(events)]
    return lambda: [emit(event) for event in made]


def _emit_all(events: int) -> Tell:
    made = [new_event() for _ in range(events)]
    return lambda: emit_all(made)


def _insert(events: int) -> Tell:
    rows = []
    for _ in range(events):
        event_id, key = uuid4(), uuid4()
        payload = payload_of(event_id, key)
        rows.append((lane_of(str(key)), event_id, str(key), payload, timezone.now()))
    lanes, ids, keys, payloads, times = map(list, zip(*rows, strict=True))

    def insert() -> None:
        with connection.cursor() as cursor:
            cursor.execute(INSERT, [TOPIC, lanes, ids, keys, payloads, times])

    return insert


INSERT = """
insert into outbox_event (lane, event_id, type, topic, key, payload, occurred_at)
select lane, id, 'opencore.user.v1.user-created', %s, key, payload, at
from unnest(%s::smallint[], %s::uuid[], %s::text[], %s::bytea[], %s::timestamptz[])
     as new (lane, id, key, payload, at)
"""

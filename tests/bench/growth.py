"""Whether the relay stays as quick when much waits, and while an old snapshot is open."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from time import monotonic

from outbox.kafka.publisher import KafkaPublisher
from outbox.relay import Relay
from tests.bench.brokers import broker
from tests.bench.figures import Goal, Result, Rounds, Sample, Say, figure_of, timed
from tests.bench.samples import (
    TOPIC,
    add,
    fill,
    outbox_aside,
    own_connection,
    patient,
)

CHUNK = 500_000
KEPT = 0.8
# Without a snapshot it was 0.94: what was written fills memory by and by.
STEADY = 0.9
ASIDE = "bench_aside"
SNAPSHOT = "growth, an old snapshot"

Drain = Callable[[int], Sample]


def measure(
    *,
    events: int,
    rounds: int,
    rows: int,
    brokers: Sequence[str],
    snapshot_seconds: int,
    say: Say,
) -> Result:
    """Measure drains of the same number from a small and a large backlog, then bursts."""
    with broker(brokers[0], TOPIC):
        grown = _beside_many(events, rounds, rows, say)
        aged = _beside_old_snapshot(max(events // 10, 1), snapshot_seconds, say)
    fill(0)
    return grown + aged


def _beside_many(events: int, rounds: int, rows: int, say: Say) -> Result:
    few = f"drain of {events:,} where {events:,} wait"
    many = f"drain of {events:,} where {rows + rounds * events:,} wait"
    samples: dict[str, list[Sample]] = {few: [], many: []}
    _fill_many(rows + rounds * events, say)
    with outbox_aside(ASIDE):
        for number in range(rounds):
            fill(events, schema=ASIDE)
            for what, schema in ((few, ASIDE), (many, "public")):
                samples[what].append(_drain(events, schema))
                value = samples[what][-1].value
                say(f"growth {number + 1} of {rounds}: {what}: {value:,.0f}")
    found = Rounds(bench="growth", unit="events/s", samples=samples)
    return Result(found.figures(), [found.at_least(KEPT, many, of=few)])


def _beside_old_snapshot(burst: int, seconds: int, say: Say) -> Result:
    samples: list[Sample] = []
    fill(burst)
    with _relay() as drain, _old_snapshot():
        began = monotonic()
        while monotonic() - began < seconds or len(samples) < 3:
            samples.append(drain(burst))
            add(burst)
    say(f"{SNAPSHOT}: {len(samples)} bursts of {burst:,} within {seconds} s")
    third = max(len(samples) // 3, 1)
    first, last = samples[:third], samples[-third:]
    return Result(
        [
            figure_of(SNAPSHOT, f"bursts of {burst:,}, first third", first, "events/s"),
            figure_of(SNAPSHOT, f"bursts of {burst:,}, last third", last, "events/s"),
        ],
        [_steady(first, last, seconds)],
    )


def _steady(first: list[Sample], last: list[Sample], seconds: int) -> Goal:
    late = median(sample.value for sample in last)
    share = late / median(sample.value for sample in first)
    return Goal(
        bench=SNAPSHOT,
        what=f"last third of {seconds} s, against the first",
        wanted=f">= {STEADY:g} x",
        measured=share,
        unit="x",
        kept=share >= STEADY,
    )


def _drain(events: int, schema: str) -> Sample:
    with _relay(schema) as drain:
        return drain(events)


@contextmanager
def _relay(schema: str = "public") -> Iterator[Drain]:
    with own_connection(schema) as own:
        publisher = KafkaPublisher()
        publisher.probe()
        relay = Relay(connection=own, publisher=publisher, name="bench")
        relay.take_lanes()

        def drain(events: int) -> Sample:
            sent = 0

            def send() -> None:
                nonlocal sent
                while sent < events:
                    tally = relay.relay_batch()
                    assert tally.sent, tally
                    sent += tally.sent

            found = timed(events, send)
            # The last batch may be larger than what was asked for.
            return Sample(found.value * sent / events, found.cpu_us)

        yield drain
        relay.finish()
        relay.give_back_lanes()
        publisher.close()


@contextmanager
def _old_snapshot() -> Iterator[None]:
    """Hold a transaction open whose snapshot sees everything that will be deleted."""
    with patient() as forgotten:
        forgotten.execute("begin isolation level repeatable read")
        forgotten.execute("select count(*) from outbox_lane")
        yield
        forgotten.execute("rollback")


def _fill_many(rows: int, say: Say) -> None:
    fill(0)
    for begun in range(0, rows, CHUNK):
        add(min(CHUNK, rows - begun))
        say(f"growth: {min(begun + CHUNK, rows):,} of {rows:,} rows are there")
    with patient() as own:
        own.execute("vacuum analyze outbox_event")

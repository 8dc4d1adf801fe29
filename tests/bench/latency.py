"""How long after its commit Kafka has acknowledged an event, with a relay run by Celery.

The clock starts when COMMIT has returned, before the doorbell rings, and ends with the
delivery report in the worker; both processes read the clock of the same machine.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic, time_ns
from uuid import UUID

from django.db import connection, transaction

from opencore.localservices.parts import PARTS
from opencore.localservices.process import Child
from outbox.publishing import emit
from tests.bench.brokers import broker
from tests.bench.figures import Goal, Result, Sample, Say, figure_of, percentile
from tests.bench.samples import TOPIC, new_event

RATES = (20, 1000)
WRITERS = 4
# What a worker finds cold in its first moments is not what it costs.
LONGEST_WARM_UP = 2.0
ARRIVES_WITHIN = 60.0
SLOWEST = {"p50": 1.5, "p99": 10.0}


def measure(*, seconds: int, brokers: Sequence[str], say: Say) -> Result:
    """Measure both rates against the mock cluster, then against Apache Kafka."""
    result = Result()
    for name in brokers:
        with broker(name, TOPIC) as url:
            result += _measure(f"latency, {name}", url, seconds, say)
    return result


def _measure(bench: str, url: str, seconds: int, say: Say) -> Result:
    result = Result()
    with TemporaryDirectory() as folder, _celery(url, Path(folder)) as watch:
        for rate in RATES:
            say(f"{bench}: {seconds} s at {rate} events/s")
            result += _figures(bench, rate, *_deliver(watch, rate, seconds))
    return result


def _figures(bench: str, rate: int, reached: float, waits: list[float]) -> Result:
    result = Result()
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        wait = percentile(waits, share)
        what = f"commit to ack at {rate:,}/s: {name}"
        result.figures.append(figure_of(bench, what, [Sample(wait)], "ms"))
        if rate == RATES[0] and bench.endswith("mock") and name in SLOWEST:
            result.goals.append(_goal(bench, what, wait, SLOWEST[name]))
    what = f"events that were committed a second, of {rate:,} wanted"
    result.figures.append(figure_of(bench, what, [Sample(reached)], "events/s"))
    return result


def _goal(bench: str, what: str, wait: float, slowest: float) -> Goal:
    return Goal(
        bench=bench,
        what=what,
        wanted=f"<= {slowest:g} ms",
        measured=wait,
        unit="ms",
        kept=wait <= slowest,
    )


@contextmanager
def _celery(url: str, folder: Path) -> Iterator[Path]:
    """Run beat and the outbox's worker; give the file in which acknowledgements are."""
    watch = folder / "acknowledged"
    watch.touch()
    parts = {part.name: list(part.command(0)) for part in PARTS}
    worker, beat = parts["outbox-worker"], parts["beat"]
    worker[worker.index("opencore")] = "tests.bench.stopwatch"
    env = {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": url, "STOPWATCH": str(watch)}
    children = [
        Child("worker", worker, log=folder / "worker.log", env=env),
        Child(
            "beat",
            [*beat, "--schedule", str(folder / "schedule")],
            log=folder / "beat.log",
            env=env,
        ),
    ]
    try:
        with connection.cursor() as cursor:
            cursor.execute("truncate outbox_event, outbox_archive")
        _deliver(watch, RATES[0], 0)
        yield watch
    finally:
        for child in children:
            child.kill()


def _deliver(watch: Path, rate: int, seconds: int) -> tuple[float, list[float]]:
    """Commit events at this rate; return the rate reached, and each one's wait in ms."""
    warm_up = min(LONGEST_WARM_UP, seconds / 4)
    last, began = int(rate * (warm_up + seconds)) + WRITERS, monotonic() + 0.1
    with ThreadPoolExecutor(WRITERS) as threads:
        turns = [
            [began + turn / rate for turn in range(first, last, WRITERS)]
            for first in range(WRITERS)
        ]
        written = list(threads.map(_write, turns))
    committed = {name: at for share in written for name, at in share}
    acknowledged = _wait_for(watch, set(committed))
    first = min(committed.values())
    counted = {
        name: at for name, at in committed.items() if at - first >= warm_up * 1e9
    }
    spent = max(max(counted.values()) - min(counted.values()), 1) / 1e9
    waits = [(acknowledged[name] - at) / 1e6 for name, at in counted.items()]
    return len(counted) / spent, waits


def _write(turns: list[float]) -> list[tuple[str, int]]:
    names: list[UUID] = []
    times: list[int] = []
    for turn in turns:
        Event().wait(max(turn - monotonic(), 0))
        with transaction.atomic():
            # Before the doorbell's own turn after the commit.
            transaction.on_commit(lambda: times.append(time_ns()))
            names.append(emit(new_event()))
    connection.close()
    return list(zip(map(str, names), times, strict=True))


def _wait_for(watch: Path, names: set[str]) -> dict[str, int]:
    give_up = monotonic() + ARRIVES_WITHIN
    while True:
        lines = watch.read_text("utf-8").rpartition("\n")[0].splitlines()
        found = {name: int(at) for name, at in map(str.split, lines)}
        if names <= found.keys():
            return found
        assert monotonic() < give_up, f"{len(names - found.keys())} events are missing"
        Event().wait(0.05)

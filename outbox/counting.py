"""Counts what relays and consumers do, in memory first, then in rows that outlive them.

A process that is killed loses what it counted in the last five seconds.
"""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from threading import Lock
from time import monotonic
from typing import Any, LiteralString

from outbox.metrics.names import LATENCY, LATENCY_BOUNDS, SUM, bound_name

FLUSH_EVERY = 5.0

Execute = Callable[[LiteralString, Any], object]


class Counts:
    """What this process did and has not yet written down."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[tuple[str, str], float] = defaultdict(float)
        self._flushed_at = monotonic()

    def add(self, name: str, by: float = 1, **labels: str) -> None:
        """Count something that happened."""
        if by:
            with self._lock:
                self._waiting[name, json.dumps(labels, sort_keys=True)] += by

    def observe_latencies(self, seconds: Iterable[float]) -> None:
        """Count how long events took from their commit to Kafka's answer."""
        taken = sorted(seconds)
        below = 0
        for bound in LATENCY_BOUNDS:
            until = bisect_right(taken, bound, lo=below)
            self.add(LATENCY, until - below, le=bound_name(bound))
            below = until
        self.add(LATENCY, sum(taken), le=SUM)

    def flush_if_due(self, execute: Execute) -> None:
        """Write down what was counted if the last time is five seconds ago."""
        if monotonic() - self._flushed_at >= FLUSH_EVERY:
            self.flush(execute)

    def flush(self, execute: Execute) -> None:
        """Write down what was counted; what can't be written is kept."""
        self._flushed_at = monotonic()
        with self._lock:
            taken, self._waiting = self._waiting, defaultdict(float)
        if not taken:
            return
        # Sorted, so that two processes never wait for each other.
        rows = sorted(taken.items())
        try:
            execute(
                ADD,
                [
                    [name for (name, _), _ in rows],
                    [labels for (_, labels), _ in rows],
                    [value for _, value in rows],
                ],
            )
        except BaseException:
            self._take_back(taken)
            raise

    def _take_back(self, taken: dict[tuple[str, str], float]) -> None:
        with self._lock:
            for name, value in taken.items():
                self._waiting[name] += value


counts = Counts()

ADD: LiteralString = """
insert into outbox_counter (name, labels, value)
select * from unnest(%s::text[], %s::jsonb[], %s::float8[])
on conflict (name, labels) do update
set value = outbox_counter.value + excluded.value
"""

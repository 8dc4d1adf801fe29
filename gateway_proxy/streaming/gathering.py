"""Counts the requests of an event loop together, a few milliseconds' worth at a time."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from gateway_proxy.core.messages import AccessRecord
from gateway_proxy.metrics import Answered, answered_of

# Who reads the page sees what happened before that.
PAUSE = 0.02


class Counter(Protocol):
    """Counts many requests at once, and writes each down."""

    def add(
        self, *, in_flight: int, answered: Mapping[Answered, Sequence[float]]
    ) -> None:
        """Note how many more are not answered, and the seconds of those that were."""
        ...

    def write(
        self, record: AccessRecord, *, status: int, seconds: float, size: int
    ) -> None:
        """Write a request down."""
        ...


class Gathering:
    """Sees requests begin and end, for one loop.

    To count one costs as much as to find its route, for each process counts in memory
    that all share.
    """

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._in_flight = 0
        self._answered: dict[Answered, list[float]] = {}
        self._waits = False

    def began(self) -> None:
        """Note a request; `finished` follows, whatever happens to it."""
        self._in_flight += 1
        if not self._waits:
            self._waits = True
            asyncio.get_running_loop().call_later(PAUSE, self.tell)

    def finished(
        self, record: AccessRecord, *, status: int, seconds: float, size: int
    ) -> None:
        """Note what came of it."""
        self._in_flight -= 1
        key = answered_of(record, status)
        known = self._answered.get(key)
        if known is None:
            self._answered[key] = [seconds]
        else:
            known.append(seconds)
        if not self._waits:
            self._waits = True
            asyncio.get_running_loop().call_later(PAUSE, self.tell)
        self._counter.write(record, status=status, seconds=seconds, size=size)

    def tell(self) -> None:
        """Have all counted that were seen."""
        self._waits = False
        in_flight, self._in_flight = self._in_flight, 0
        answered, self._answered = self._answered, {}
        self._counter.add(in_flight=in_flight, answered=answered)

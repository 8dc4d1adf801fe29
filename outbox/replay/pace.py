"""Keeps an operation from flooding those behind it, and from going on unasked."""

import time
from collections.abc import Callable

MOST = 200
# Before it is known how long they take.
FIRST = 10
# In seconds: at a rate, as many go at once as are allowed in the one; however slow
# they are, nobody who wants to end the operation waits for much longer than the other.
BREATH = 0.1
PATIENCE = 0.5


class Pace:
    """At most so many turns per second, spread evenly; without a rate, no limit."""

    def __init__(
        self,
        rate: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._most = _within(MOST, rate * BREATH) if rate else MOST
        self._clock = clock
        self._sleep = sleep
        self._next = float("-inf")
        self.at_once = min(self._most, FIRST)

    def wait(self) -> None:
        """Return when it is time for the next turns, of which `at_once` may be taken."""
        now = self._clock()
        if self._next > now:
            self._sleep(self._next - now)
        self._next = max(self._next, now)

    def took(self, turns: int) -> None:
        """Say how many were taken since; if none were, the next may be at once."""
        seconds = self._clock() - self._next
        self._next += turns * self._interval
        if seconds > 0:
            self.at_once = _within(self._most, turns * PATIENCE / seconds)


def _within(most: int, turns: float) -> int:
    return max(1, min(most, int(turns)))

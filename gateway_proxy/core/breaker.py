"""Leaves a failing part alone for a while, then asks it with one request."""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Protocol

Clock = Callable[[], float]


class Rule(Protocol):
    """Decides from the latest outcomes whether a part is failing."""

    def is_broken_by(self, *, failed: bool, now: float) -> bool:
        """Take note of an outcome and say whether it is one too many."""
        ...

    def forget(self) -> None:
        """Start again without a past."""
        ...


class ConsecutiveFailures:
    """Broken by so many failures with no success between them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0

    def is_broken_by(self, *, failed: bool, now: float) -> bool:  # noqa: ARG002 -- the signature is the rule's
        """Count failures; a success starts the count again."""
        self._count = self._count + 1 if failed else 0
        return self._count >= self._limit

    def forget(self) -> None:
        """Start again without a past."""
        self._count = 0


class FailureRatio:
    """Broken when too large a part of the requests in a moving window failed."""

    def __init__(self, *, window: float, minimum: int, ratio: float) -> None:
        self._window = window
        self._minimum = minimum
        self._ratio = ratio
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._failures = 0

    def is_broken_by(self, *, failed: bool, now: float) -> bool:
        """Add the outcome to the window and compare."""
        self._outcomes.append((now, failed))
        self._failures += failed
        while self._outcomes[0][0] <= now - self._window:
            _, had_failed = self._outcomes.popleft()
            self._failures -= had_failed
        return (
            failed
            and len(self._outcomes) >= self._minimum
            and self._failures >= self._ratio * len(self._outcomes)
        )

    def forget(self) -> None:
        """Start again without a past."""
        self._outcomes.clear()
        self._failures = 0


class Breaker:
    """Admits requests while a part works, and single probes while it does not.

    An admitted request gets a ticket and reports its outcome with it. Tickets from
    before the latest opening count for nothing, so a straggler can't close it again.
    """

    def __init__(
        self, rule: Rule, *, open_for: float, clock: Clock = time.monotonic
    ) -> None:
        self._rule = rule
        self._open_for = open_for
        self._clock = clock
        self._lock = Lock()
        self._ticket = 0
        self._opened_until: float | None = None

    def admit(self) -> int | None:
        """Return a ticket, or None while the part is left alone.

        A probe that never reports is followed by another after the same rest.
        """
        with self._lock:
            if self._opened_until is None:
                return self._ticket
            if self._clock() < self._opened_until:
                return None
            self._leave_alone()
            return self._ticket

    def rest(self) -> float:
        """Return the seconds until the next probe."""
        with self._lock:
            if self._opened_until is None:
                return 0.0
            return max(0.0, self._opened_until - self._clock())

    def succeeded(self, ticket: int) -> bool:
        """Note a success; return whether it brought the part back."""
        with self._lock:
            if ticket != self._ticket:
                return False
            if self._opened_until is None:
                self._rule.is_broken_by(failed=False, now=self._clock())
                return False
            self._opened_until = None
            self._rule.forget()
            return True

    def failed(self, ticket: int) -> bool:
        """Note a failure; return whether the part is left alone from now on."""
        with self._lock:
            if ticket != self._ticket:
                return False
            if self._opened_until is not None:
                self._leave_alone()
                return False
            if not self._rule.is_broken_by(failed=True, now=self._clock()):
                return False
            self._leave_alone()
            return True

    def _leave_alone(self) -> None:
        self._ticket += 1
        self._opened_until = self._clock() + self._open_for

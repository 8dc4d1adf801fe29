"""Keeps repeated requests few, so that they don't bury a service that fails."""

import time
from collections import deque
from threading import Lock

from gateway_proxy.core.breaker import Clock


class RetryBudget:
    """Allows a share of the requests of a moving window to be sent once more.

    The floor lets a quiet system repeat something at all.
    """

    def __init__(
        self,
        *,
        share: float = 0.2,
        floor: int = 3,
        window: int = 10,
        clock: Clock = time.monotonic,
    ) -> None:
        self._share = share
        self._floor = floor
        self._window = window
        self._clock = clock
        self._lock = Lock()
        self._seconds: deque[list[int]] = deque()
        self._requests = 0
        self._retries = 0

    def note_request(self) -> None:
        """Count a request, however often it will be sent."""
        with self._lock:
            self._this_second()[1] += 1
            self._requests += 1

    def spend(self) -> bool:
        """Return whether one may be repeated, and count it if so."""
        with self._lock:
            this_second = self._this_second()
            if self._retries + 1 > max(self._floor, self._share * self._requests):
                return False
            this_second[2] += 1
            self._retries += 1
            return True

    def _this_second(self) -> list[int]:
        """Return the counts of this second: when it was, requests and retries."""
        seconds, now = self._seconds, int(self._clock())
        if not seconds or seconds[-1][0] != now:
            seconds.append([now, 0, 0])
        while seconds[0][0] <= now - self._window:
            _, requests, retries = seconds.popleft()
            self._requests -= requests
            self._retries -= retries
        return seconds[-1]

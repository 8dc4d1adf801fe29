"""Takes a host that only fails out of the turn, and lets it come back."""

import time
from threading import Lock

from gateway_proxy.core.breaker import Clock

FAILURES = 5
OUT_FOR = 30.0
LONGEST = 10


class Ejections:
    """Which of several hosts are out: at most half of them at a time.

    A host is out after five failures in a row, each time for longer; when it is back,
    one more failure without a success is enough. Having been in for as long as it was
    last out, it starts again.
    """

    def __init__(self, hosts: int, *, clock: Clock = time.monotonic) -> None:
        self._most = hosts // 2
        self._clock = clock
        self._lock = Lock()
        self._failures = [0] * hosts
        self._times = [0] * hosts
        self._until = [0.0] * hosts
        self._was_out = [False] * hosts

    def rest(self, host: int) -> float:
        """Return the seconds until a host is back, 0 if it is not out."""
        until = self._until[host]
        return max(0.0, until - self._clock()) if until else 0.0

    def succeeded(self, host: int) -> bool:
        """Note a success; return whether it is the first since the host was out."""
        if self._failures[host]:
            self._failures[host] = 0
        if not self._was_out[host]:
            return False
        self._was_out[host] = False
        return True

    def failed(self, host: int) -> float:
        """Note a failure; return for how long the host is out because of it."""
        with self._lock:
            self._failures[host] += 1
            now = self._clock()
            out = sum(until > now for until in self._until)
            if (
                self._failures[host] < FAILURES
                or self._until[host] > now
                or out >= self._most
            ):
                return 0.0
            return self._eject(host, now)

    def _eject(self, host: int, now: float) -> float:
        if now - self._until[host] > OUT_FOR * self._times[host]:
            self._times[host] = 0
        self._times[host] = min(self._times[host] + 1, LONGEST)
        seconds = OUT_FOR * self._times[host]
        self._until[host] = now + seconds
        self._was_out[host] = True
        return seconds

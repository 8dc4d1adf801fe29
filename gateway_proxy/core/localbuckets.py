"""Token buckets of this process alone."""

from collections import OrderedDict
from threading import Lock

from gateway_proxy.core.allowance import Policy, Verdict


class LocalBuckets:
    """Buckets in memory; the longest unused make room, and are full again."""

    def __init__(self, *, room: int = 10_000) -> None:
        self._room = room
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, policy: Policy, *, now: float) -> Verdict:
        """Take a token of the key's bucket, if it holds one."""
        with self._lock:
            tokens, at = self._buckets.get(key, (float(policy.burst), now))
            tokens = policy.refilled(tokens, seconds=now - at)
            allowed = tokens >= 1.0
            tokens -= allowed
            self._put(key, tokens, now)
        return Verdict(policy, allowed=allowed, tokens=tokens)

    def remember(self, key: str, tokens: float, *, now: float) -> None:
        """Note what a bucket is known to hold."""
        with self._lock:
            self._put(key, tokens, now)

    def _put(self, key: str, tokens: float, now: float) -> None:
        self._buckets[key] = (tokens, now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._room:
            self._buckets.popitem(last=False)

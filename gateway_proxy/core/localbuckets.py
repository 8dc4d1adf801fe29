"""Token buckets of this process alone."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from threading import Lock

from gateway_proxy.core.allowance import Verdict
from gateway_proxy.core.decisions import Bucket


class LocalBuckets:
    """Buckets in memory; the longest unused make room, and are full again."""

    def __init__(self, *, room: int = 10_000) -> None:
        self._room = room
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def charge(
        self, buckets: Sequence[Bucket], *, cost: int, now: float
    ) -> tuple[Verdict, ...]:
        """Take the cost from all buckets, or from none if one does not hold it.

        A bucket in the shadow that does not hold it keeps what it has.
        """
        with self._lock:
            held = [self._held(bucket, now) for bucket in buckets]
            passes = all(
                tokens >= cost or bucket.shadow
                for bucket, tokens in zip(buckets, held, strict=True)
            )
            verdicts = tuple(
                Verdict(
                    bucket.policy,
                    allowed=tokens >= cost,
                    tokens=tokens - cost if passes and tokens >= cost else tokens,
                    cost=cost,
                    shadow=bucket.shadow,
                )
                for bucket, tokens in zip(buckets, held, strict=True)
            )
            for bucket, verdict in zip(buckets, verdicts, strict=True):
                self._put(bucket.key, verdict.tokens, now)
        return verdicts

    def remember(
        self, buckets: Iterable[Bucket], verdicts: Iterable[Verdict], *, now: float
    ) -> None:
        """Note what each of some buckets is known to hold."""
        with self._lock:
            for bucket, verdict in zip(buckets, verdicts, strict=True):
                self._put(bucket.key, verdict.tokens, now)

    def _held(self, bucket: Bucket, now: float) -> float:
        policy = bucket.policy
        tokens, at = self._buckets.get(bucket.key, (float(policy.burst), now))
        return policy.refilled(tokens, seconds=now - at)

    def _put(self, key: str, tokens: float, now: float) -> None:
        self._buckets[key] = (tokens, now)
        self._buckets.move_to_end(key)
        while len(self._buckets) > self._room:
            self._buckets.popitem(last=False)

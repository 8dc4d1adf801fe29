"""Knows whom Redis has refused just now, so that it need not be asked again."""

from threading import Lock

from gateway_proxy.core.allowance import Policy, Verdict
from gateway_proxy.core.decisions import Bucket, Charge, Decision


class Refusals:
    """Buckets that lately did not hold what a request cost.

    Others may only have taken from such a bucket since, so until it has refilled far
    enough it refuses, whoever is asked. The longest known make room.
    """

    def __init__(self, *, room: int = 10_000) -> None:
        self._room = room
        self._lock = Lock()
        self._known: dict[str, tuple[Policy, float, float]] = {}

    def note(self, charge: Charge, decision: Decision, *, now: float) -> None:
        """Note what a refusal says, of a request that was sent to Redis at `now`."""
        with self._lock:
            for bucket, verdict in zip(charge.buckets, decision.verdicts, strict=True):
                if not verdict.allowed:
                    self._known.pop(bucket.key, None)
                    self._known[bucket.key] = bucket.policy, verdict.tokens, now
            while len(self._known) > self._room:
                del self._known[next(iter(self._known))]

    def find(self, charge: Charge, *, now: float) -> Decision | None:
        """Return the decision about a request that would be refused for certain."""
        if not self._known:
            return None
        held = [self._held(bucket, now) for bucket in charge.buckets]
        if not any(tokens is not None and tokens < charge.cost for tokens in held):
            return None
        return Decision(
            tuple(
                _verdict(bucket, tokens, charge.cost)
                for bucket, tokens in zip(charge.buckets, held, strict=True)
            )
        )

    def _held(self, bucket: Bucket, now: float) -> float | None:
        """Return the most that a bucket can hold, or None if nothing is known of it."""
        known = self._known.get(bucket.key)
        if known is None or bucket.shadow:
            return None
        policy, tokens, at = known
        # The rate says how fast it refills, so a new one makes the old word void.
        if policy != bucket.policy:
            return None
        return policy.refilled(tokens, seconds=now - at)


def _verdict(bucket: Bucket, tokens: float | None, cost: int) -> Verdict:
    most = float(bucket.policy.burst) if tokens is None else tokens
    return Verdict(bucket.policy, most >= cost, most, cost, bucket.shadow)

"""Decides about every request, with Redis or without."""

import logging
import time
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.breaker import Breaker, Clock, ConsecutiveFailures
from gateway_proxy.core.decisions import Charge, Decision
from gateway_proxy.core.localbuckets import LocalBuckets
from gateway_proxy.core.ports import Limits
from gateway_proxy.core.refusals import Refusals
from gateway_proxy.core.sight import NoSight, Sight
from opencore.claims import Claims

log = logging.getLogger(__name__)

_FAILURES_TOLERATED = 3
_SECONDS_BETWEEN_PROBES = 1.0


class LimitsUnavailable(Exception):
    """Redis did not decide, in time or at all."""


class SharedBuckets(Protocol):
    """Buckets that all gateways share and that outlive each of them."""

    async def decide(self, charge: Charge) -> Decision:
        """Return the decision, or raise LimitsUnavailable within the time-out."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


class Revocations(Protocol):
    """What is known to be revoked, for as long as Redis can't be asked."""

    def watch(self) -> None:
        """Hear of it from now on; said before each decision, so it must be cheap."""
        ...

    def include(self, claims: Claims) -> bool:
        """Tell whether a token's session, user or key is known to be revoked."""
        ...

    def close(self) -> None:
        """Hear no more."""
        ...


class Limiter(Limits):
    """Lets Redis decide; while it is away, each charge says who decides instead.

    A process that decides alone gives a bucket its share of the rate, and starts from
    what it saw last; so N processes then admit the rate, and at first up to N bursts.
    """

    def __init__(
        self,
        shared: SharedBuckets,
        *,
        revocations: Revocations,
        processes: int = 1,
        sight: Sight | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.alone = False
        self._shared = shared
        self._revocations = revocations
        self._processes = processes
        self._sight = sight or NoSight()
        self._clock = clock
        self._local = LocalBuckets()
        self._refusals = Refusals()
        self._breaker = Breaker(
            ConsecutiveFailures(_FAILURES_TOLERATED),
            open_for=_SECONDS_BETWEEN_PROBES,
            clock=clock,
        )

    async def decide(self, charge: Charge) -> Decision:
        """Return the decision; never fails, never waits longer than Redis may take."""
        self._revocations.watch()
        asked_at = self._clock()
        refusal = self._refusals.find(charge, now=asked_at)
        if refusal is not None:
            return refusal
        ticket = self._breaker.admit()
        if ticket is None:
            return self._decide_alone(charge)
        try:
            decision = await self._shared.decide(charge)
        except LimitsUnavailable as error:
            self._note_failure(ticket, error)
            # One answer that is late closes nothing yet.
            return self._decide_alone(charge, is_down=self.alone)
        self._note_success(ticket)
        self._learn(charge, decision, asked_at)
        return decision

    async def close(self) -> None:
        """Let go of the connections."""
        self._revocations.close()
        await self._shared.close()

    def _learn(self, charge: Charge, decision: Decision, asked_at: float) -> None:
        if decision.revoked:
            return
        self._local.remember(charge.buckets, decision.verdicts, now=asked_at)
        if not decision.allowed:
            self._refusals.note(charge, decision, now=asked_at)

    def _decide_alone(self, charge: Charge, *, is_down: bool = True) -> Decision:
        if charge.claims is not None and self._revocations.include(charge.claims):
            return Decision((), revoked=True)
        if charge.when_down == "closed" and is_down:
            return Decision((), closed=True)
        if charge.when_down == "open":
            return Decision(())
        shares = [
            replace(bucket, policy=_share(bucket.policy, self._processes))
            for bucket in charge.buckets
        ]
        now = self._clock()
        return Decision(self._local.charge(shares, cost=charge.cost, now=now))

    def _note_failure(self, ticket: int, error: LimitsUnavailable) -> None:
        if self._breaker.failed(ticket):
            self.alone = True
            self._sight.limiter_moved(local=True)
            log.warning(
                "rate limits fell back to this process", extra={"reason": str(error)}
            )

    def _note_success(self, ticket: int) -> None:
        if self._breaker.succeeded(ticket):
            self.alone = False
            self._sight.limiter_moved(local=False)
            log.info("rate limits are shared again")


@lru_cache(maxsize=256)
def _share(policy: Policy, processes: int) -> Policy:
    return replace(policy, rate=policy.rate / processes)

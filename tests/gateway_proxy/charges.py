"""Charges of ada's, and limits in a Redis that decide about them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import ModuleType
from uuid import UUID, uuid4

from gateway_proxy.blocking import limits as blocking
from gateway_proxy.blocking import run
from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.decisions import Bucket, Charge, Decision
from gateway_proxy.core.limiter import SharedBuckets
from gateway_proxy.streaming import limits as streaming
from opencore.claims import AccessClaims

HARDLY_REFILLS = Policy("user", rate=0.0001, burst=50)
KEPT_AT = "{opencore}:bucket:ada"
ISSUED_AT = datetime(2028, 2, 28, 12, tzinfo=UTC)


def of_ada(policy: Policy = HARDLY_REFILLS, *, cost: int = 1) -> Charge:
    """Return a charge of one bucket."""
    return Charge((Bucket("ada", policy),), cost=cost)


def claims_of(
    user_id: UUID | None = None, *, issued_at: datetime = ISSUED_AT
) -> AccessClaims:
    """Return what a token of a session of its own says."""
    return AccessClaims(
        user_id=user_id or uuid4(),
        session_id=uuid4(),
        role="user",
        expires_at=issued_at,
        issued_at=issued_at,
        key_id="key-of-today",
    )


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway's buckets, asked one by one or at once."""

    buckets: SharedBuckets
    decide: Callable[[Charge], Decision]
    idle: Callable[[], None] = lambda: None

    def admitted(self, charge: Charge, *, of: int) -> int:
        """Return how many of so many requests may pass."""
        return sum(self.decide(charge).allowed for _ in range(of))


@contextmanager
def gateway_at(kind: ModuleType, url: str, *, timeout: float) -> Iterator[Gateway]:
    """Open a gateway of threads or of an event loop."""
    if kind is blocking:
        buckets: SharedBuckets = blocking.RedisBuckets(url, timeout=timeout)
        yield Gateway(buckets, lambda charge: run(buckets.decide(charge)))
        run(buckets.close())
        return
    with asyncio.Runner() as runner:
        awaited = streaming.RedisBuckets(url, timeout=timeout)
        yield Gateway(
            awaited,
            decide=lambda charge: runner.run(awaited.decide(charge)),
            idle=lambda: runner.run(asyncio.sleep(0)),
        )
        runner.run(awaited.close())

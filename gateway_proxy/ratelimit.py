"""Token buckets in Redis, and in this process for as long as Redis is away."""

import logging
import time
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from gateway_proxy.core.allowance import Policy, Verdict
from gateway_proxy.core.breaker import Breaker, Clock, ConsecutiveFailures
from gateway_proxy.core.localbuckets import LocalBuckets

log = logging.getLogger(__name__)

_TAKE = Path(__file__).with_name("bucket.lua").read_text("utf-8")
_FAILURES_TOLERATED = 3
_SECONDS_BETWEEN_PROBES = 1.0


class SharedBuckets:
    """Buckets that all gateways share and that outlive each of them."""

    def __init__(self, url: str, *, timeout: float) -> None:
        # The client's own defaults would keep a request waiting for seconds.
        self._client = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        # Called by its hash; the text is sent only to a server that lacks it.
        self._take = self._client.register_script(_TAKE)

    def take(self, key: str, policy: Policy) -> Verdict:
        """Take a token of the key's bucket, or fail within the time-out."""
        taken, tokens = self._take(
            keys=[f"gateway:bucket:{{{key}}}"], args=[policy.rate, policy.burst]
        )
        return Verdict(policy, allowed=bool(taken), tokens=float(tokens))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


class Limiter:
    """Decides about every request, with Redis or without.

    Without Redis each process counts for itself: N processes then admit up to N times
    the rate. What a process saw last while Redis was there is where it starts from.
    """

    def __init__(self, shared: SharedBuckets, *, clock: Clock = time.monotonic) -> None:
        self._shared = shared
        self._local = LocalBuckets()
        self._clock = clock
        self._breaker = Breaker(
            ConsecutiveFailures(_FAILURES_TOLERATED),
            open_for=_SECONDS_BETWEEN_PROBES,
            clock=clock,
        )

    def take(self, key: str, policy: Policy) -> Verdict:
        """Take a token of the key's bucket; never fails, never waits for long."""
        ticket = self._breaker.admit()
        if ticket is not None:
            try:
                verdict = self._shared.take(key, policy)
            except RedisError as error:
                self._note_failure(ticket, error)
            else:
                self._note_success(ticket)
                self._local.remember(key, verdict.tokens, now=self._clock())
                return verdict
        return self._local.take(key, policy, now=self._clock())

    def close(self) -> None:
        """Let go of the connections."""
        self._shared.close()

    def _note_failure(self, ticket: int, error: RedisError) -> None:
        if self._breaker.failed(ticket):
            log.warning(
                "rate limits fell back to this process", extra={"reason": str(error)}
            )

    def _note_success(self, ticket: int) -> None:
        if self._breaker.succeeded(ticket):
            log.info("rate limits are shared again")

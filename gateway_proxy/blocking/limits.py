"""Buckets in Redis, for servers of threads."""

import time

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from gateway_proxy.core.decisions import Charge, Decision
from gateway_proxy.core.limiter import Limiter, LimitsUnavailable, SharedBuckets
from gateway_proxy.core.script import SCRIPT, SHA, decision_of, question_of
from gateway_proxy.core.sight import NoSight, Sight
from opencore.revocations import Revocations


def open_limits(
    *, url: str, timeout: float, processes: int, sight: Sight | None = None
) -> Limiter:
    """Return limits that are shared by Redis."""
    return Limiter(
        RedisBuckets(url, timeout=timeout, sight=sight),
        revocations=Revocations(url),
        processes=processes,
        sight=sight,
    )


class RedisBuckets(SharedBuckets):
    """Asks in the thread of the request, over a connection of the pool."""

    def __init__(self, url: str, *, timeout: float, sight: Sight | None = None) -> None:
        self._sight = sight or NoSight()
        # The client's own defaults would keep a request waiting for seconds, and each
        # question about the connection itself could take the time-out once more.
        self._client = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
        )

    async def decide(self, charge: Charge) -> Decision:
        """Return the decision, or raise LimitsUnavailable within the time-out."""
        began = time.monotonic()
        try:
            answer = self._ask(question_of(charge))
        except RedisError as error:
            # The others that wait in the pool are likely to be as dead.
            self._client.connection_pool.disconnect(inuse_connections=False)
            raise LimitsUnavailable(str(error)) from error
        self._sight.limiter_asked(time.monotonic() - began)
        return decision_of(charge, answer)

    async def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _ask(self, question: list[str | int | float]) -> list[int]:
        # Called by its hash; the text is sent only to a server that lacks it.
        try:
            return self._send("EVALSHA", SHA, *question)
        except NoScriptError:
            return self._send("EVAL", SCRIPT, *question)

    def _send(self, *command: str | int | float) -> list[int]:
        answer: list[int] = self._client.execute_command(*command)  # type: ignore[no-untyped-call]  # -- redis-py leaves it out
        return answer

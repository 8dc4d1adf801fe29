"""Many decisions at once of one process: by redis-py's pipeline, and as the gateway asks.

Both send what is asked at one moment together, for Redis decides so many.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import uvloop
from django.conf import settings
from redis.asyncio import Redis

from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.decisions import Bucket, Charge
from gateway_proxy.core.script import SCRIPT, SHA, decision_of, question_of
from gateway_proxy.streaming.limits import RedisBuckets
from tests.bench.contest.limits import BURST, RATE
from tests.bench.figures import Sample, timed

AT_ONCE = 32
Decide = Callable[[Charge], Awaitable[object]]


class Pipelines:
    """Gathers as the gateway does, and leaves all else to redis-py."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._waiting: list[tuple[Charge, asyncio.Future[Any]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def decide(self, charge: Charge) -> object:
        """Return the decision."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((charge, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all())
        return decision_of(charge, await answer)

    async def _ask_all(self) -> None:
        while self._waiting:
            questions, self._waiting = self._waiting, []
            pipeline = self._client.pipeline(transaction=False)
            for charge, _ in questions:
                pipeline.evalsha(SHA, *question_of(charge))  # type: ignore[arg-type]  # -- words and numbers
            for (_, answer), said in zip(
                questions, await pipeline.execute(), strict=True
            ):
                answer.set_result(said)
        self._asking = None


def by_pipelines(decisions: int) -> Sample:
    """Return how many redis-py brings in a second."""

    async def ask() -> None:
        client = Redis.from_url(settings.REDIS_URL)
        await client.script_load(SCRIPT)
        await _many(Pipelines(client).decide, decisions)
        await client.aclose()

    return _timed(decisions, ask)


def by_messages(decisions: int) -> Sample:
    """Return how many the gateway's own messages bring."""

    async def ask() -> None:
        buckets = RedisBuckets(settings.REDIS_URL, timeout=30)
        await _many(buckets.decide, decisions)
        await buckets.close()

    return _timed(decisions, ask)


def _timed(decisions: int, ask: Callable[[], Any]) -> Sample:
    def act() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(ask())

    return timed(decisions, act)


async def _many(decide: Decide, decisions: int) -> None:
    charges = [_charge(UUID(int=number)) for number in range(AT_ONCE)]
    await asyncio.gather(
        *(_ask_on(decide, charge, decisions // AT_ONCE) for charge in charges)
    )


async def _ask_on(decide: Decide, charge: Charge, times: int) -> None:
    for _ in range(times):
        await decide(charge)


def _charge(user: UUID) -> Charge:
    policies = Policy("user", RATE, BURST), Policy("network", 4 * RATE, 4 * BURST)
    keys = f"user:{user}", "network:127.0.0.1"
    return Charge(
        tuple(Bucket(key, policy) for key, policy in zip(keys, policies, strict=True))
    )

"""Buckets in Redis, for event loops."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from gateway_proxy.core.decisions import Charge, Decision
from gateway_proxy.core.limiter import Limiter, LimitsUnavailable, SharedBuckets
from gateway_proxy.core.script import SCRIPT, SHA, decision_of, question_of
from gateway_proxy.core.sight import NoSight, Sight
from opencore.revocations import Revocations

MOST_WAITING = 10_000
_Words = list[str | int | float]


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


@dataclass(frozen=True, slots=True)
class _Question:
    words: _Words
    answer: asyncio.Future[Any]
    deadline: float


class RedisBuckets(SharedBuckets):
    """Asks over one connection; what is to be decided at one time is asked at once.

    While an answer is awaited, questions gather for the next turn. A question waits for
    its time-out at most, however long the server or the line of questions is.
    """

    def __init__(self, url: str, *, timeout: float, sight: Sight | None = None) -> None:
        self._sight = sight or NoSight()
        self._connection = _connection_to(url)
        self._timeout = timeout
        self._waiting: list[_Question] = []
        self._asking: asyncio.Task[None] | None = None

    async def decide(self, charge: Charge) -> Decision:
        """Return the decision, or raise LimitsUnavailable within the time-out."""
        if len(self._waiting) >= MOST_WAITING:
            raise LimitsUnavailable("too many decisions wait for Redis")
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._waiting.append(
            _Question(question_of(charge), answer, loop.time() + self._timeout)
        )
        if self._asking is None:
            # A task begins in the next turn, when all of this one have asked.
            self._asking = loop.create_task(self._ask_all())
        return decision_of(charge, await answer)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._asking is not None:
            self._asking.cancel()
        await self._connection.disconnect(nowait=True)

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                questions, self._waiting = self._waiting, []
                await self._ask(questions)
        finally:
            self._asking = None
            questions, self._waiting = self._waiting, []
            _give_up(questions, "the connection was closed")

    async def _ask(self, questions: list[_Question]) -> None:
        reason = "the answer was lost"
        began = time.monotonic()
        try:
            async with asyncio.timeout_at(questions[0].deadline):
                answers = await self._exchange([one.words for one in questions])
            self._sight.limiter_asked(time.monotonic() - began)
            for question, answer in zip(questions, answers, strict=True):
                if not isinstance(answer, list):
                    _give_up([question], str(answer))
                elif not question.answer.done():
                    question.answer.set_result(answer)
        except (RedisError, OSError) as error:
            reason = str(error) or "time-out"
            # What was sent may still be answered, and nobody may take that for another's.
            await self._connection.disconnect(nowait=True)
        finally:
            _give_up(questions, reason)

    async def _exchange(self, questions: list[_Words]) -> list[Any]:
        answers = await self._send([("EVALSHA", SHA, *one) for one in questions])
        lacking = [
            place
            for place, answer in enumerate(answers)
            if isinstance(answer, NoScriptError)
        ]
        if lacking:
            again = [("EVALSHA", SHA, *questions[place]) for place in lacking]
            _, *late = await self._send([("SCRIPT", "LOAD", SCRIPT), *again])
            for place, answer in zip(lacking, late, strict=True):
                answers[place] = answer
        return answers

    async def _send(self, commands: list[tuple[str | int | float, ...]]) -> list[Any]:
        packed = b"".join(
            [
                pack_command(command)  # type: ignore[arg-type]  # -- the stub knows no length but one
                for command in commands
            ]
        )
        connection = self._connection
        if connection.is_connected and await connection.can_read():
            # It was closed by the other end, or says what nobody asked for.
            await connection.disconnect(nowait=True)
        await connection.send_packed_command(packed, check_health=False)
        return [await self._answer() for _ in commands]

    async def _answer(self) -> object:
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            return error


def _connection_to(url: str) -> AbstractConnection:
    # One deadline is set above it all, so none is set within.
    pool = ConnectionPool.from_url(
        url,
        socket_timeout=None,
        socket_connect_timeout=None,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
    )
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]  # -- redis-py leaves it out
    return connection


def _give_up(questions: list[_Question], reason: str) -> None:
    for question in questions:
        if not question.answer.done():
            question.answer.set_exception(LimitsUnavailable(reason))

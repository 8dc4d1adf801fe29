"""Buckets in Redis, for event loops."""

import asyncio
import time
from typing import Any

from hiredis import pack_command
from redis.exceptions import RedisError

from gateway_proxy.core.decisions import Charge, Decision
from gateway_proxy.core.limiter import Limiter, LimitsUnavailable, SharedBuckets
from gateway_proxy.core.script import SCRIPT, SHA, decision_of, question_of
from gateway_proxy.core.sight import NoSight, Sight
from gateway_proxy.streaming.redisline import RedisLine, open_line
from opencore.revocations import Revocations

MOST_WAITING = 10_000


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


# What is written to Redis, who waits for the answer, and until when.
_Question = tuple[bytes, asyncio.Future[Any], float]


class RedisBuckets(SharedBuckets):
    """Asks over one connection; what is to be decided at one time is asked at once.

    While an answer is awaited, questions gather for the next turn. A question waits for
    its time-out at most, however long the server or the line of questions is.
    """

    def __init__(self, url: str, *, timeout: float, sight: Sight | None = None) -> None:
        self._sight = sight or NoSight()
        self._url = url
        self._line: RedisLine | None = None
        self._timeout = timeout
        self._waiting: list[_Question] = []
        self._asking: asyncio.Task[None] | None = None

    async def decide(self, charge: Charge) -> Decision:
        """Return the decision, or raise LimitsUnavailable within the time-out."""
        if len(self._waiting) >= MOST_WAITING:
            raise LimitsUnavailable("too many decisions wait for Redis")
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        self._waiting.append((_packed(charge), answer, loop.time() + self._timeout))
        if self._asking is None:
            # A task begins in the next turn, when all of this one have asked.
            self._asking = loop.create_task(self._ask_all())
        return decision_of(charge, await answer)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._asking is not None:
            self._asking.cancel()
        if self._line is not None:
            self._line.close()

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
            answers = await self._answers_to(questions, questions[0][2])
            self._sight.limiter_asked(time.monotonic() - began)
            for question, answer in zip(questions, answers, strict=True):
                if not isinstance(answer, list):
                    _give_up([question], str(answer))
                elif not question[1].done():
                    question[1].set_result(answer)
        except (LimitsUnavailable, RedisError, OSError) as error:
            reason = str(error) or "time-out"
        finally:
            _give_up(questions, reason)

    async def _answers_to(
        self, questions: list[_Question], deadline: float
    ) -> list[Any]:
        if self._line is None or not self._line.is_open:
            self._line = await open_line(self._url, deadline=deadline)
        line, packed = self._line, [packed for packed, _, _ in questions]
        answers = await line.ask(
            b"".join(packed), wanted=len(packed), deadline=deadline
        )
        lacking = [place for place, one in enumerate(answers) if _lacks_script(one)]
        if lacking:
            again = [_LOAD, *(packed[place] for place in lacking)]
            _, *late = await line.ask(
                b"".join(again), wanted=len(again), deadline=deadline
            )
            for place, answer in zip(lacking, late, strict=True):
                answers[place] = answer
        return answers


def _packed(charge: Charge) -> bytes:
    """Return the question as it is written to Redis; a charge keeps its own."""
    if charge.question is None:
        charge.question = _pack("EVALSHA", SHA, *question_of(charge))
    return charge.question


def _pack(*words: str | float) -> bytes:
    packed: bytes = pack_command(words)  # type: ignore[arg-type]  # -- the stub knows no length but one
    return packed


_LOAD = _pack("SCRIPT", "LOAD", SCRIPT)


def _lacks_script(answer: object) -> bool:
    return isinstance(answer, Exception) and str(answer).startswith("NOSCRIPT")


def _give_up(questions: list[_Question], reason: str) -> None:
    for _, answer, _ in questions:
        if not answer.done():
            answer.set_exception(LimitsUnavailable(reason))

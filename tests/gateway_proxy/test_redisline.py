"""The gateway's own line to Redis is answered what redis-py is answered."""

import asyncio
from typing import Any

import pytest
import redis
from hiredis import pack_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import RedisError

from gateway_proxy.core.limiter import LimitsUnavailable
from gateway_proxy.streaming.redisline import RedisLine, open_line
from tests.gateway_proxy.redis_server import RedisServer

Command = tuple[Any, ...]
words = st.binary(max_size=300)
commands = st.one_of(
    st.tuples(st.just("ECHO"), words),
    st.builds(
        lambda found: ("EVAL", "return {ARGV, #ARGV, false}", 0, *found),
        st.lists(words, max_size=5),
    ),
    st.sampled_from(
        [
            ("EVALSHA", "0" * 40, 0),
            ("GET", b"nothing"),
            ("EVAL", "return {}", 0),
            ("EVAL", "return {err='MY own error'}", 0),
            ("EVAL", "return {-7, {{'deep'}}}", 0),
            ("NO-COMMAND", "x"),
        ]
    ),
)


def theirs(url: str, asked: list[Command]) -> list[Any]:
    found: list[Any] = []
    with redis.Redis.from_url(url) as client:
        for command in asked:
            try:
                found.append(client.execute_command(*command))
            except RedisError as error:
                found.append(error)
    return found


def ours(url: str, asked: list[Command], size: int) -> list[Any]:
    """Ask all at once, and let the answers come in pieces of a size."""

    async def ask() -> list[Any]:
        loop = asyncio.get_running_loop()
        line = await open_line(url, deadline=loop.time() + 10)
        line._transport.set_protocol(InPieces(line, size))
        message = b"".join(pack_command(command) for command in asked)
        try:
            return await line.ask(message, wanted=len(asked), deadline=loop.time() + 10)
        finally:
            line.close()

    return asyncio.run(ask())


class InPieces(asyncio.Protocol):
    """A network that hands on few bytes at a time."""

    def __init__(self, line: RedisLine, size: int) -> None:
        self._line, self._size = line, size

    def data_received(self, data: bytes) -> None:
        for begin in range(0, len(data), self._size):
            self._line.data_received(data[begin : begin + self._size])

    def connection_lost(self, error: Exception | None) -> None:
        self._line.connection_lost(error)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(asked=st.lists(commands, min_size=1, max_size=20), size=st.integers(1, 64))
def test_answers_are_those_that_redis_py_reads(
    redis_server: RedisServer, asked: list[Command], size: int
) -> None:
    found, expected = (
        ours(redis_server.url, asked, size),
        theirs(redis_server.url, asked),
    )

    assert len(found) == len(expected)
    for answer, wanted in zip(found, expected, strict=True):
        if isinstance(wanted, RedisError):
            # redis-py makes a class of an error's first word.
            assert isinstance(answer, Exception)
            assert str(answer).endswith(str(wanted))
        else:
            assert answer == wanted


def test_one_answer_too_many_ends_the_line(redis_server: RedisServer) -> None:
    with pytest.raises(LimitsUnavailable, match="more than it was asked"):
        answers_to_one(redis_server.url, pack_command(("PING",)) * 2)


def test_one_answer_too_few_is_too_late(redis_server: RedisServer) -> None:
    with pytest.raises(LimitsUnavailable, match="time-out"):
        answers_to_one(redis_server.url, b"*1\r\n$4\r\nPI", seconds=0.2)


def answers_to_one(url: str, message: bytes, *, seconds: float = 10) -> list[Any]:
    async def ask() -> list[Any]:
        loop = asyncio.get_running_loop()
        line = await open_line(url, deadline=loop.time() + 10)
        try:
            return await line.ask(message, wanted=1, deadline=loop.time() + seconds)
        finally:
            assert not line.is_open

    return asyncio.run(ask())

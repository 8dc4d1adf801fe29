"""However many exchanges share few connections, each asker gets its own answer."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from threading import Event, Thread
from typing import cast

import pytest

from gateway_proxy.blocking import http as blocking_http
from gateway_proxy.blocking import run
from gateway_proxy.core.answers import WHOLE_LIMIT
from gateway_proxy.core.errors import UpstreamFailed
from gateway_proxy.core.messages import AsyncBody, Body, Outgoing
from gateway_proxy.streaming import http as streaming_http
from tests.gateway_proxy.exchanges import GET

ASKERS = 64
ROUNDS = 5
# How the service answers, by its last digit; one in eight answers is cut.
KINDS = ("whole", "chunked", "slow", "slow", "large", "close", "cut", "cut in chunks")
SLOW = 0.02


class Service:
    """Answers each request with its own id, in many ways, from one event loop."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        self._started = Event()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> "Service":
        self._thread.start()
        assert self._started.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(30)
        self._loop.close()

    async def _run(self) -> None:
        self._ended = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._started.set()
        await self._ended.wait()
        server.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        with closing(writer):
            while head := await _head(reader):
                asked = int(head.split(b" ")[1].rpartition(b"/")[2])
                for piece in _pieces(asked):
                    if piece is None:
                        await asyncio.sleep(SLOW)
                    else:
                        writer.write(piece)
                if _kind_of(asked) in {"close", "cut", "cut in chunks"}:
                    return


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


def _kind_of(asked: int) -> str:
    return KINDS[asked % len(KINDS)]


def _pieces(asked: int) -> Iterator[bytes | None]:
    kind, body = _kind_of(asked), _body_of(asked)
    head = f"HTTP/1.1 200 OK\r\nX-Asked: {asked}\r\n"
    if kind == "close":
        yield f"{head}Connection: close\r\n\r\n".encode() + body
        return
    if "chunk" in kind:
        yield f"{head}Transfer-Encoding: chunked\r\n\r\n".encode()
        yield b"%x\r\n%b\r\n" % (len(body), body)
        yield b"0\r\n\r\n" if kind == "chunked" else b"5\r\nab"
        return
    yield f"{head}Content-Length: {len(body)}\r\n\r\n".encode()
    yield body[:2]
    if kind == "slow":
        yield None
    yield body[2:-1] if kind == "cut" else body[2:]


def _body_of(asked: int) -> bytes:
    word = b"answer %d " % asked
    return word * (WHOLE_LIMIT // len(word) + 1) if _kind_of(asked) == "large" else word


def expected(asked: int) -> str:
    """Return what the asker is to be told."""
    return "cut" if _kind_of(asked).startswith("cut") else f"answer {asked}"


def told(asked: int, headers: dict[str, str], body: bytes) -> str:
    """Return what the answer tells, which is of one request from head to end."""
    words = set(re.findall(rb"answer \d+ ", body))
    assert headers["x-asked"] == str(asked)
    assert words == {b"answer %d " % asked}
    return f"answer {asked}"


def request(asked: int) -> Outgoing:
    return replace(GET, path=f"/v1/billing/{asked}")


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


def test_in_threads_each_asker_gets_its_own_answer_or_its_own_problem(
    service: Service,
) -> None:
    exchange = blocking_http.HttpExchange(service.url)

    def ask(asked: int) -> str:
        try:
            answer = run(exchange.send(request(asked)))
            body = answer.body
            if not isinstance(body, bytes):
                with closing(cast("Body", body)) as stream:
                    body = b"".join(stream)
        except UpstreamFailed:
            return "cut"
        return told(asked, dict(answer.headers), body)

    with ThreadPoolExecutor(ASKERS) as pool:
        answered = list(pool.map(ask, range(ASKERS * ROUNDS)))
    run(exchange.close())

    assert answered == [expected(asked) for asked in range(ASKERS * ROUNDS)]
    assert service.connections < ASKERS * ROUNDS


def test_in_an_event_loop_each_asker_gets_its_own_answer_or_its_own_problem(
    service: Service,
) -> None:
    async def ask(exchange: streaming_http.HttpExchange, asked: int) -> str:
        try:
            answer = await exchange.send(request(asked))
            body = answer.body
            if not isinstance(body, bytes):
                stream = cast("AsyncBody", body)
                body = b"".join([chunk async for chunk in stream])
                await stream.aclose()
        except UpstreamFailed:
            return "cut"
        return told(asked, dict(answer.headers), body)

    async def asker(exchange: streaming_http.HttpExchange, first: int) -> list[str]:
        asked = range(first * ROUNDS, (first + 1) * ROUNDS)
        return [await ask(exchange, one) for one in asked]

    async def ask_all() -> list[str]:
        exchange = streaming_http.HttpExchange(service.url)
        told_to = await asyncio.gather(*[asker(exchange, n) for n in range(ASKERS)])
        await exchange.close()
        return [answer for answers in told_to for answer in answers]

    answered = asyncio.run(ask_all())

    assert answered == [expected(asked) for asked in range(ASKERS * ROUNDS)]
    assert service.connections < ASKERS * ROUNDS

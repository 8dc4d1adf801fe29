"""Django in a bounded number of threads behind an event loop."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from gateway_proxy.core.errors import BridgeFull, MalformedRequest
from gateway_proxy.core.messages import Answer, AsyncBody, Outgoing
from gateway_proxy.streaming.bridge import Bridge
from opencore.context import current_request_id, working_for

FINE = Answer(200, "OK", (), b"fine")
REQUEST = Outgoing(
    method="POST",
    path="/v1/orgs",
    query="",
    headers=(),
    body=b"",
    scheme="http",
    host="testserver",
    peer="127.0.0.1",
)
Call = Callable[[dict[str, Any]], Answer]


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine, bounded."""
    asyncio.run(asyncio.wait_for(cast("Any", work()), 20))


@asynccontextmanager
async def bridged(
    call: Call, *, threads: int = 1, waiting: int = 0
) -> AsyncIterator[Bridge]:
    bridge = Bridge(threads=threads, waiting=waiting, call=call)
    yield bridge
    await bridge.close()


class Arriving:
    """A client's body that comes in chunks, and may break off."""

    length: int | None = None

    def __init__(self, *chunks: bytes, breaks_off: bool = False) -> None:
        self.chunks = chunks
        self.breaks_off = breaks_off

    async def whole(self) -> bytes:
        return b"".join(self.chunks)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            await asyncio.sleep(0)
            yield chunk
        if self.breaks_off:
            raise MalformedRequest("The body is shorter than was announced.")


class Stream:
    """A body that a thread makes; it notes who closed it."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.threads: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.threads.append(threading.current_thread().name)
            yield chunk

    def close(self) -> None:
        self.threads.append(f"closed by {threading.current_thread().name}")


def test_one_more_than_may_wait_is_refused_at_once() -> None:
    go_on = threading.Event()

    def hold(_: dict[str, Any]) -> Answer:
        assert go_on.wait(10)
        return FINE

    async def work() -> None:
        async with bridged(hold, threads=2, waiting=1) as bridge:
            held = [asyncio.ensure_future(bridge.send(REQUEST)) for _ in range(3)]
            await asyncio.sleep(0)

            with pytest.raises(BridgeFull) as refused:
                await bridge.send(REQUEST)

            go_on.set()
            assert await asyncio.gather(*held) == [FINE] * 3
            assert refused.value.headers["Retry-After"] in {"1", "2"}
            assert bridge.taken == 0
            assert await bridge.send(REQUEST) == FINE

    run(work)


def test_a_failure_gives_the_place_back_and_reaches_whoever_waits() -> None:
    def fail(_: dict[str, Any]) -> Answer:
        raise RuntimeError("a bug")

    async def work() -> None:
        async with bridged(fail) as bridge:
            for _ in range(3):
                with pytest.raises(RuntimeError, match="a bug"):
                    await bridge.send(REQUEST)
            assert bridge.taken == 0

    run(work)


def test_a_request_that_nobody_waits_for_any_more_gives_its_place_back() -> None:
    go_on = threading.Event()

    def hold(_: dict[str, Any]) -> Answer:
        assert go_on.wait(10)
        return FINE

    async def work() -> None:
        async with bridged(hold) as bridge:
            held = asyncio.ensure_future(bridge.send(REQUEST))
            await asyncio.sleep(0)
            held.cancel()
            await asyncio.wait({held})
            go_on.set()
            while bridge.taken:
                await asyncio.sleep(0.01)

            assert await bridge.send(REQUEST) == FINE

    run(work)


def test_the_thread_works_for_the_same_request() -> None:
    ids: list[str | None] = []

    def note(_: dict[str, Any]) -> Answer:
        ids.append(current_request_id())
        return FINE

    async def work() -> None:
        async with bridged(note) as bridge:
            with working_for(request_id="request-1"):
                await bridge.send(REQUEST)
            await bridge.send(REQUEST)

    run(work)
    assert ids == ["request-1", None]


def test_a_body_in_chunks_is_read_as_a_file() -> None:
    got: list[bytes] = []

    def read(environ: dict[str, Any]) -> Answer:
        body = environ["wsgi.input"]
        got.extend([body.read(3), body.read(4), body.read(), body.read()])
        return FINE

    async def work() -> None:
        async with bridged(read) as bridge:
            await bridge.send(
                replace(REQUEST, body=Arriving(b"abcd", b"", b"efgh", b"i"))
            )

    run(work)
    assert got == [b"abc", b"defg", b"hi", b""]


def test_a_body_that_breaks_off_is_the_clients_fault() -> None:
    def read(environ: dict[str, Any]) -> Answer:
        environ["wsgi.input"].read()
        return FINE

    async def work() -> None:
        async with bridged(read) as bridge:
            with pytest.raises(MalformedRequest):
                await bridge.send(
                    replace(REQUEST, body=Arriving(b"abc", breaks_off=True))
                )

    run(work)


def test_a_stream_stays_in_its_thread_and_goes_no_faster_than_it_is_read() -> None:
    made: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(10):
            made.append(number)
            yield b"%d" % number

    stream = Stream(chunks())

    async def work() -> None:
        async with bridged(lambda _: Answer(200, "OK", (), stream)) as bridge:
            body = cast("AsyncBody", (await bridge.send(REQUEST)).body)
            reading = aiter(body)
            first = await anext(reading)
            await asyncio.sleep(0.1)
            ahead = len(made)
            rest = [chunk async for chunk in reading]
            while bridge.taken:
                await asyncio.sleep(0.01)

            assert (first, len(rest)) == (b"0", 9)
            # One in the hand, one in the queue, one in the thread.
            assert ahead <= 3

    run(work)
    assert set(stream.threads) == {"bridge_0", "closed by bridge_0"}


def test_a_stream_that_is_given_up_is_closed_in_its_thread() -> None:
    def chunks() -> Iterator[bytes]:
        while True:
            yield b"more"

    stream = Stream(chunks())

    async def work() -> None:
        async with bridged(lambda _: Answer(200, "OK", (), stream)) as bridge:
            body = cast("AsyncBody", (await bridge.send(REQUEST)).body)
            await anext(aiter(body))
            await body.aclose()
            while bridge.taken:
                await asyncio.sleep(0.01)

    run(work)
    assert stream.threads[-1] == "closed by bridge_0"


@pytest.mark.parametrize("told", [False, True], ids=["before", "just after"])
def test_a_stream_is_closed_when_nobody_waits_for_its_answer_any_more(
    told: bool,
) -> None:
    go_on = threading.Event()
    stream = Stream(iter([b"more"] * 5))

    def hold(_: dict[str, Any]) -> Answer:
        assert go_on.wait(10)
        return Answer(200, "OK", (), stream)

    async def work() -> None:
        async with bridged(hold) as bridge:
            held = asyncio.ensure_future(bridge.send(REQUEST))
            await asyncio.sleep(0)
            if told:
                go_on.set()
                # The answer is there, but who waits for it was not woken yet.
                while not held._fut_waiter.done():  # type: ignore[attr-defined]  # -- private, and all there is
                    await asyncio.sleep(0)
            held.cancel()
            await asyncio.wait({held})
            go_on.set()
            while bridge.taken:
                await asyncio.sleep(0.01)
            assert held.cancelled()

    run(work)
    assert stream.threads[-1] == "closed by bridge_0"


def test_a_stream_that_breaks_says_so_to_its_reader() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"first"
        raise RuntimeError("in the middle")

    async def work() -> None:
        stream = Stream(chunks())
        async with bridged(lambda _: Answer(200, "OK", (), stream)) as bridge:
            body = cast("AsyncBody", (await bridge.send(REQUEST)).body)
            with pytest.raises(RuntimeError, match="in the middle"):
                [chunk async for chunk in body]

    run(work)

"""Lets an event loop call Django in a bounded number of threads."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from contextvars import copy_context
from dataclasses import replace
from io import BytesIO
from typing import Any, BinaryIO, cast

from gateway_proxy.blocking.local import call_django, environ_of, file_of
from gateway_proxy.core.errors import BridgeFull, MalformedRequest
from gateway_proxy.core.messages import Answer, AsyncUpload, Body, Outgoing
from gateway_proxy.core.sight import NoSight, Sight

# How long a thread waits for a client to take a chunk, or to send one.
LONGEST_STALL = 30.0
Result = Answer | BaseException


class Bridge:
    """Django's WSGI handler behind an event loop, for one loop.

    So many requests are worked on, so many more wait; any other is refused at once.
    A request has one thread from its first to its last byte, because Django ties
    connections and signals to threads.
    """

    name = "local"

    def __init__(
        self,
        *,
        threads: int,
        waiting: int,
        call: Callable[[dict[str, Any]], Answer] = call_django,
        sight: Sight | None = None,
    ) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="bridge")
        self._room = threads + waiting
        self._size = threads
        self._sight = sight or NoSight()
        self._taken = 0
        self._call = call

    @property
    def taken(self) -> int:
        """Return how many requests are worked on or wait."""
        return self._taken

    def origin(self, request: Outgoing) -> str:
        """Return the client's own host, which the API builds its links from."""
        return request.host

    async def send(self, request: Outgoing) -> Answer:
        """Return Django's answer; raises BridgeFull when too many wait already."""
        if self._taken >= self._room:
            wait = random.randint(1, 2)  # noqa: S311 -- no secret
            raise BridgeFull(headers={"Retry-After": str(wait)})
        self._note(self._taken + 1)
        loop = asyncio.get_running_loop()
        crossing = _Crossing(loop, self._call, self._leave)
        try:
            self._threads.submit(copy_context().run, crossing.work, request)
        except BaseException:
            self._leave()
            raise
        try:
            return await crossing.answered
        except asyncio.CancelledError:
            crossing.give_up()
            raise

    async def close(self) -> None:
        """End the threads when they have done their work."""
        self._threads.shutdown(wait=False)

    def _leave(self) -> None:
        self._note(self._taken - 1)

    def _note(self, taken: int) -> None:
        self._taken = taken
        busy = min(taken, self._size)
        self._sight.bridge_loaded(queued=taken - busy, busy=busy)


class _Crossing:
    """One request on its way through a thread, and its answer on its way back."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        call: Callable[[dict[str, Any]], Answer],
        leave: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._call = call
        self._leave = leave
        self.answered: asyncio.Future[Answer] = loop.create_future()

    def work(self, request: Outgoing) -> None:
        """Bring the answer into the loop, then its body; runs in a thread."""
        try:
            answer = self._call(environ_of(request, self._input_of(request)))
        except BaseException as error:  # noqa: BLE001 -- whoever waits is told
            self._tell(self._end, error)
            return
        if isinstance(answer.body, bytes):
            self._tell(self._end, answer)
            return
        body = cast("Body", answer.body)
        stream = BridgedBody(self._loop)
        self._tell(self._begin, replace(answer, body=stream))
        try:
            stream.fill(body)
        finally:
            body.close()
            self._tell(self._leave)

    def give_up(self) -> None:
        """Let the thread go that brings a body, as nobody will read it."""
        told = self.answered.done() and not self.answered.cancelled()
        if told and self.answered.exception() is None:
            _let_go(self.answered.result())

    def _tell(self, what: Callable[..., None], *words: object) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *words)
        except RuntimeError:
            # The loop has ended, and with it whoever waited.
            return

    def _begin(self, result: Result) -> None:
        if self.answered.done():
            _let_go(result)
        elif isinstance(result, BaseException):
            self.answered.set_exception(result)
        else:
            self.answered.set_result(result)

    def _end(self, result: Result) -> None:
        self._leave()
        self._begin(result)

    def _input_of(self, request: Outgoing) -> BinaryIO:
        if isinstance(request.body, bytes):
            return BytesIO(request.body)
        chunks = aiter(cast("AsyncUpload", request.body))
        return file_of(self._chunks_of(chunks))

    def _chunks_of(self, chunks: AsyncIterator[bytes]) -> Iterator[bytes]:
        while True:
            asked = asyncio.run_coroutine_threadsafe(_next_of(chunks), self._loop)
            try:
                chunk = asked.result(LONGEST_STALL)
            except NotInTime:
                asked.cancel()
                raise MalformedRequest("The body did not arrive in time.") from None
            if chunk is None:
                return
            yield chunk


def _let_go(result: Result) -> None:
    if isinstance(result, Answer) and isinstance(result.body, BridgedBody):
        result.body.close()


async def _next_of(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


class BridgedBody:
    """A body that a thread brings, no faster than the loop takes it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._chunks: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(1)
        self._closed = False

    def fill(self, body: Body) -> None:
        """Bring all chunks; ends early when the body was closed."""
        try:
            for chunk in body:
                if chunk and not self._bring(chunk):
                    return
        except BaseException as error:  # noqa: BLE001 -- whoever reads is told
            self._bring(error)
            return
        self._bring(None)

    def _bring(self, what: bytes | BaseException | None) -> bool:
        if self._closed:
            return False
        put = asyncio.run_coroutine_threadsafe(self._chunks.put(what), self._loop)
        try:
            put.result(LONGEST_STALL)
        except (NotInTime, CancelledError):
            put.cancel()
            return False
        return not self._closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the chunks as they come."""
        while (chunk := await self._chunks.get()) is not None:
            if isinstance(chunk, BaseException):
                raise chunk
            yield chunk

    async def aclose(self) -> None:
        """Let the thread go."""
        self.close()

    def close(self) -> None:
        """Let the thread go; called in the loop."""
        self._closed = True
        while not self._chunks.empty():
            self._chunks.get_nowait()

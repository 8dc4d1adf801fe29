"""Exchanges of any kind, asked in one way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any, Protocol, cast

import uvloop

from gateway_proxy.blocking import http as blocking_http
from gateway_proxy.blocking import run
from gateway_proxy.core.messages import Answer, AsyncBody, Body, Outgoing
from gateway_proxy.core.ports import Exchange
from gateway_proxy.core.table import Timeouts
from gateway_proxy.streaming import http as streaming_http

GET = Outgoing(
    method="GET",
    path="/v1/billing/payments",
    query="",
    headers=(("accept", "*/*"),),
    body=b"",
    scheme="http",
    host="api.example.com",
    peer="127.0.0.1",
    timeouts=Timeouts(connect=1.0, head=5.0, whole=10.0),
)


@dataclass
class Upload:
    """A client's body; all but the first of its chunks are given after a signal."""

    chunks: list[bytes]
    length: int | None = None
    after_first: Event | None = None
    refusal: Exception | None = None
    given: int = 0

    async def whole(self) -> bytes:
        return b"".join(self.chunks)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            if self.given and self.after_first is not None:
                assert self.after_first.wait(30)
            self.given += 1
            yield chunk
        if self.refusal is not None:
            raise self.refusal

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = iter(self)
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            yield chunk


class Client(Protocol):
    """Asks one exchange."""

    exchange: Exchange

    def send(self, request: Outgoing) -> Answer: ...

    def chunks(self, answer: Answer) -> Iterator[bytes]: ...

    def leave(self, answer: Answer) -> None: ...

    def settle(self) -> None: ...

    def close(self) -> None: ...


class BlockingClient:
    """Asks in this thread."""

    def __init__(self, address: str) -> None:
        self.exchange: Exchange = blocking_http.HttpTransport().exchange_with(address)

    def send(self, request: Outgoing) -> Answer:
        return run(self.exchange.send(request))

    def chunks(self, answer: Answer) -> Iterator[bytes]:
        return iter(cast("Body", answer.body))

    def leave(self, answer: Answer) -> None:
        cast("Body", answer.body).close()

    def settle(self) -> None:
        """Let the loop see what happened on idle connections; there is none."""

    def close(self) -> None:
        run(self.exchange.close())


class StreamingClient:
    """Asks in an event loop, of the kind that servers use; it stands still in between."""

    def __init__(self, address: str) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.exchange: Exchange = streaming_http.HttpTransport().exchange_with(address)

    def send(self, request: Outgoing) -> Answer:
        return self._runner.run(self.exchange.send(request))

    def chunks(self, answer: Answer) -> Iterator[bytes]:
        chunks = aiter(cast("AsyncBody", answer.body))
        while (chunk := self._runner.run(_next(chunks))) is not None:
            yield chunk

    def leave(self, answer: Answer) -> None:
        self._runner.run(cast("AsyncBody", answer.body).aclose())

    def settle(self) -> None:
        self._runner.run(_pass())

    def close(self) -> None:
        self._runner.run(self.exchange.close())
        self._runner.close()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


async def _pass() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def read(client: Client, answer: Answer) -> bytes:
    """Return the whole body and close it."""
    if isinstance(answer.body, bytes):
        return answer.body
    try:
        return b"".join(client.chunks(answer))
    finally:
        client.leave(answer)


KINDS: dict[str, Callable[[str], Any]] = {
    "blocking": BlockingClient,
    "streaming": StreamingClient,
}

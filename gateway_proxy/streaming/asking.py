"""One request of a client's connection, and its answer on its way back."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Protocol, cast

from gateway_proxy.core.messages import Answer, AsyncBody
from gateway_proxy.streaming.answering import WITHOUT_BODY, until_gone
from gateway_proxy.streaming.receiving import Arrival, Message, Receive, read_headers

# Of a body that nobody has read yet; more waits at the client.
MOST_HELD = 64 * 1024
_BODY = frozenset({b"content-length", b"transfer-encoding"})
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
# Sends an answer, and returns how many bytes of its body were sent; the other can tell
# meanwhile that nobody waits for it.
Tell = Callable[[Answer, Receive | None], Awaitable[int]]


class AnswerUnclear(Exception):
    """An answer's head holds a line end, or its body is not as long as it says."""


class Line(Protocol):
    """The connection that a request came by."""

    loop: asyncio.AbstractEventLoop
    peer: str
    scheme: str

    def is_last(self) -> bool:
        """Tell whether it ends with the answer that is being written."""
        ...

    def write(self, data: bytes) -> None:
        """Send, if the client is still there."""
        ...

    async def drain(self) -> None:
        """Wait until the client takes more."""
        ...

    def hold(self) -> None:
        """Let the client wait."""
        ...

    def go_on(self) -> None:
        """Let it go on."""
        ...


class ClientRequest:
    """A request as it comes; it is answered once, by whoever it is shown to."""

    __slots__ = (
        *("method", "is_kept", "is_told", "task", "_line", "_target", "_fields"),
        *("_version", "_body", "_is_whole", "_is_read", "_is_cut", "_waiter"),
        *("_is_asked_for", "_in_chunks"),
    )

    def __init__(
        self,
        line: Line,
        *,
        method: str,
        target: str,
        fields: list[tuple[bytes, bytes]],
        version: str,
    ) -> None:
        self.method = method
        # Whether the connection outlives the answer, and whether all of that was sent.
        self.is_kept = version == "1.1"
        self.is_told = False
        self.task: asyncio.Task[None] | None = None
        self._line = line
        self._target = target
        self._fields = fields
        self._version = version
        self._body = b""
        self._is_whole = self._is_read = self._is_cut = False
        self._is_asked_for = self._in_chunks = False
        self._waiter: asyncio.Future[None] | None = None

    def arrival(self) -> Arrival:
        """Return it as the front takes it."""
        path, _, query = self._target.partition("?")
        line, fields = self._line, self._fields
        return Arrival(
            receive=self.receive,
            method=self.method,
            path=path,
            query=query,
            headers=read_headers(fields),
            written=fields,
            version=self._version,
            connected=line.scheme,
            peer=line.peer,
        )

    def take(self, data: bytes) -> None:
        """Take a part of the body."""
        self._body += data
        if len(self._body) > MOST_HELD:
            self._line.hold()
        self._wake()

    def end(self) -> None:
        """Take the end of the body."""
        self._is_whole = True
        self._wake()

    def cut(self) -> None:
        """Take that no more comes."""
        if not self._is_whole:
            self.is_kept = False
        self._is_cut = True
        self._wake()

    def leave_rest(self) -> None:
        """Be the last one; a body that was announced is not read."""
        self.is_kept = False
        if any(name in _BODY for name, _ in self._fields):
            self.cut()

    async def receive(self) -> Message:
        """Return what has come of the body; at last, that nobody waits any more."""
        self._ask_for_body()
        self._line.go_on()
        while not (
            self._is_cut or self._body or (self._is_whole and not self._is_read)
        ):
            self._waiter = self._line.loop.create_future()
            await self._waiter
        if self._is_cut:
            return {"type": "http.disconnect"}
        body, self._body = self._body, b""
        self._is_read = self._is_whole
        return {"type": "http.request", "body": body, "more_body": not self._is_whole}

    async def tell(self, answer: Answer, gone: Receive | None) -> int:
        """Send an answer, and return how many bytes of its body were sent."""
        body = answer.body
        if not isinstance(body, bytes):
            return await self._stream(answer, cast("AsyncBody", body), gone)
        head = self._head(answer, len(body))
        if self.method == "HEAD" or answer.status in WITHOUT_BODY:
            body = b""
        self._line.write(head + body)
        self.is_told = True
        return len(body)

    async def _stream(
        self, answer: Answer, body: AsyncBody, gone: Receive | None
    ) -> int:
        try:
            self._line.write(self._head(answer, None))
            if self.method == "HEAD" or answer.status in WITHOUT_BODY:
                self.is_told = True
                return 0
            pump = self._pump(body, _length_of(answer))
            return await (pump if gone is None else until_gone(gone, pump))
        finally:
            await body.aclose()

    async def _pump(self, body: AsyncBody, length: int | None) -> int:
        size, line = 0, self._line
        async for chunk in body:
            size += len(chunk)
            if length is not None and size > length:
                raise AnswerUnclear("The body is longer than it says.")
            if chunk:
                line.write(
                    b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._in_chunks else chunk
                )
                await line.drain()
        if length is not None and size < length:
            raise AnswerUnclear("The body is shorter than it says.")
        if self._in_chunks:
            line.write(b"0\r\n\r\n")
        self.is_told = True
        return size

    def _head(self, answer: Answer, length: int | None) -> bytes:
        status, headers = answer.status, answer.headers
        lines = [f"{name}: {value}\r\n" for name, value in headers]
        names = {name for name, _ in headers}
        if "content-length" not in names and status not in WITHOUT_BODY:
            lines += self._frame(length)
        if "date" not in names:
            lines.append(_date(int(time.time())))
        if not self._keeps(answer) and "connection" not in names:
            lines.append("connection: close\r\n")
        head = f"{_first_line(status)}{''.join(lines)}\r\n"
        if head.count("\n") != len(lines) + 2 or head.count("\r") != len(lines) + 2:
            raise AnswerUnclear("A header holds a line end.")
        return head.encode("latin-1")

    def _frame(self, length: int | None) -> tuple[str, ...]:
        if length is not None:
            return (f"content-length: {length}\r\n",)
        self._in_chunks = self._version == "1.1" and self.method != "HEAD"
        if self._in_chunks:
            return ("transfer-encoding: chunked\r\n",)
        self.is_kept = False
        return ()

    def _keeps(self, answer: Answer) -> bool:
        # What is unread of a body would be taken for the next request.
        if (
            not self._is_whole
            or self._line.is_last()
            or ("connection", "close") in answer.headers
        ):
            self.is_kept = False
        return self.is_kept

    def _ask_for_body(self) -> None:
        if self._is_asked_for:
            return
        self._is_asked_for = True
        if not self._is_whole and (b"expect", b"100-continue") in [
            (name, value.lower()) for name, value in self._fields
        ]:
            self._line.write(_CONTINUE)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return f"date: {formatdate(second, usegmt=True)}\r\n"


@lru_cache(maxsize=600)
def _first_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n"


def _length_of(answer: Answer) -> int | None:
    for name, value in answer.headers:
        if name == "content-length":
            return int(value)
    return None

"""One connection to a host, and the reading of one answer from it."""

import asyncio
from collections.abc import Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from gateway_proxy.core.answers import FRAMING, HEAD_LIMIT, WHOLE_LIMIT
from gateway_proxy.core.errors import UpstreamFailed, UpstreamTimeout
from gateway_proxy.core.messages import Headers

# Of a stream that its client takes slowly; more waits at the host.
MOST_HELD = WHOLE_LIMIT


class Connection(asyncio.Protocol):
    """A connection that is idle, or that one reading has.

    All that is known of an exchange is the reading's: nothing of it is left here when
    the next exchange begins.
    """

    def __init__(
        self,
        rest: Callable[["Connection"], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        # To ask for it costs a system call.
        self.loop = loop
        self.transport: asyncio.Transport
        self.reading: Reading | None = None
        self.idle_since = 0.0
        self._rest = rest
        self._writable: asyncio.Future[None] | None = None
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport  # type: ignore[assignment]  # -- a stream's is one

    def data_received(self, data: bytes) -> None:
        """Give what comes to the reading; what comes unasked ends the connection."""
        if self.reading is None:
            self.transport.abort()
        else:
            self.reading.feed(data)

    def eof_received(self) -> None:
        """Tell the reading; the transport closes itself."""
        if self.reading is not None:
            self.reading.end_of_stream()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 -- the signature is asyncio's
        """Tell whoever reads or writes."""
        self.resume_writing()
        if self.reading is not None:
            self.reading.fail(UpstreamFailed.to_be_retried())
        self._rest(self)

    def pause_writing(self) -> None:
        """Let the client's body wait."""
        self._paused = True

    def resume_writing(self) -> None:
        """Let the client's body go on."""
        self._paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    async def write(self, data: bytes) -> None:
        """Send, no faster than the host takes it."""
        self.transport.write(data)
        if self._paused:
            self._writable = self.loop.create_future()
            await self._writable

    def release(self) -> None:
        """Be idle."""
        self.reading = None
        self._rest(self)

    def abort(self) -> None:
        """End, whoever reads."""
        self.reading = None
        self.transport.abort()


class Reading:
    """One answer as it comes; whoever waits for it is told of its failure once."""

    def __init__(self, connection: Connection, *, without_body: bool) -> None:
        self.status = 0
        self.reason = ""
        self.headers: Headers = ()
        self.has_head = False
        self.ended = False
        self.upload: asyncio.Task[None] | None = None
        self._connection = connection
        self._loop = connection.loop
        self._without_body = without_body
        self._parser = HttpResponseParser(self)
        self._left = False
        self._fields: list[tuple[str, str]] = []
        self._fed = 0
        self._framed = False
        self._kept = False
        self._chunks: list[bytes] = []
        self._held = 0
        self._error: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        connection.reading = self

    async def head(self) -> None:
        """Wait for the head."""
        while not self.has_head:
            await self._progress()

    async def whole(self) -> bytes:
        """Return the whole body."""
        while not self.ended:
            await self._progress()
        return self._take()

    async def more(self, *, within: float) -> bytes:
        """Return what has come of the body, nothing at its end."""
        while not (self._chunks or self.ended):
            self.expire_in(within)
            await self._progress()
        self.expire_in(None)
        return self._take()

    def expire_in(self, seconds: float | None) -> None:
        """Fail if what is waited for has not come by then."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if seconds is not None and not self.ended:
            self._timer = self._loop.call_later(seconds, self._expire)

    def close(self) -> None:
        """Let go of the connection; one with an unread rest serves nobody else."""
        if not self.ended:
            self._leave(keep=False)

    def fail(self, error: BaseException) -> None:
        """Tell whoever waits; nothing more comes."""
        if not self.ended and self._error is None:
            self._error = error
            self._leave(keep=False)

    def feed(self, data: bytes) -> None:
        """Read on."""
        if self.ended:
            # The answer was whole already, so this belongs to nobody.
            self._connection.abort()
            return
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._kept = False
            self.fail(UpstreamFailed.to_be_retried())
        self._settle()

    def end_of_stream(self) -> None:
        """End a body that has no other end; any other answer was cut."""
        if self.has_head and not self._framed:
            self.ended = True
            self._leave(keep=False)
        else:
            self.fail(UpstreamFailed.to_be_retried())

    def on_message_begin(self) -> None:
        """Begin; after the end, this is what nobody asked for."""
        self._kept = False

    def on_status(self, reason: bytes) -> None:
        """Take a part of the reason."""
        self.reason += reason.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        field = name.decode("latin-1").lower()
        self._fields.append((field, value.decode("latin-1")))
        if field in FRAMING:
            self._framed = True

    def on_headers_complete(self) -> None:
        """Take the head, unless the real one is still to come."""
        self.status = self._parser.get_status_code()
        if self.status >= 200 and not self.ended:
            self.headers = tuple(self._fields)
            self.has_head = True
            if self._without_body:
                self._end()

    def on_body(self, data: bytes) -> None:
        """Take a part of the body."""
        if self.ended:
            self._kept = False
        else:
            self._chunks.append(data)
            self._held += len(data)

    def on_message_complete(self) -> None:
        """Take the end, if it is not that of a forerunner."""
        if self.status < 200:
            self._fields, self._framed, self.reason = [], False, ""
        elif not self.ended:
            self._end()

    def _settle(self) -> None:
        if self.ended:
            self._leave(keep=self._kept)
        elif not self.has_head and self._fed > HEAD_LIMIT:
            self.fail(UpstreamFailed.to_be_retried())
        else:
            self._hold_back()
            self._wake()

    def _end(self) -> None:
        self.ended = True
        self._kept = self._parser.should_keep_alive()

    def _leave(self, *, keep: bool) -> None:
        if self._left:
            return
        self._left = True
        # The parser knows this reading; nobody should have to search for the circle.
        del self._parser
        self.expire_in(None)
        if self.upload is not None and not self.upload.done():
            self.upload.cancel()
            keep = False
        if keep:
            self._connection.release()
        else:
            self._connection.abort()
        self._wake()

    def _take(self) -> bytes:
        chunks, self._chunks, self._held = self._chunks, [], 0
        if not self.ended and self._error is None:
            self._connection.transport.resume_reading()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _hold_back(self) -> None:
        if self._held > MOST_HELD and self._error is None:
            self._connection.transport.pause_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _progress(self) -> None:
        if self._error is None:
            self._waiter = self._loop.create_future()
            await self._waiter
        if self._error is not None:
            raise self._error

    def _expire(self) -> None:
        self.fail(UpstreamTimeout.to_be_retried())

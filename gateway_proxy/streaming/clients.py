"""Speaks HTTP/1.1 with clients, and lets the front answer them without a detour.

A server brings the sockets and says when it stops. What a request is, where it ends, and
what of it is refused unread is decided by llhttp and by `core/framing.py`, as behind
any other server.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from gateway_proxy.streaming.asking import ClientRequest, Tell
from gateway_proxy.streaming.receiving import Arrival
from opencore.hosting import Host

log = logging.getLogger(__name__)

# More than the gateway accepts, which then says what is wrong.
LARGEST_HEAD = 64 * 1024
MOST_UNSENT = 64 * 1024
# So many more requests than are answered may be sent at once: they are held in memory.
MOST_AHEAD = 128
# Seconds in which a client may still send what nobody reads, before it is cut off; the
# answer that told it so could be lost with the connection.
LINGER = 1.0
Serve = Callable[[Arrival, Tell], Awaitable[None]]


class ClientConnection(asyncio.Protocol):
    """One client's connection: each request is answered before the next one is."""

    def __init__(self, serve: Serve, host: Host) -> None:
        self.transport: asyncio.Transport
        self.loop = host.loop
        self.is_lost = False
        self._serve = serve
        self._host = host
        self._parser = HttpRequestParser(self)
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self._reads_head = True
        self._deaf = False
        self._refused: int | None = None
        self._coming: ClientRequest | None = None
        self._answering: ClientRequest | None = None
        self._next: deque[ClientRequest] = deque()
        self._rests = False
        self._holds = False
        self._is_full = False
        self._writable: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self.transport = transport  # type: ignore[assignment]  # -- a stream's is one
        self.transport.set_write_buffer_limits(high=MOST_UNSENT)
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if isinstance(peer, tuple) else ""
        self.scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self._host.count(1)
        self._wait(self._host.longest_head)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 -- the signature is asyncio's
        """Tell whoever still reads or writes."""
        self.is_lost = self._deaf = True
        self.resume_writing()
        for request in (self._coming, self._answering):
            if request is not None:
                request.cut()
        self._next.clear()
        if self._timer is not None:
            self._timer.cancel()
        # The parser knows this connection; nobody should have to search for the circle.
        del self._parser
        self._host.count(-1)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._deaf:
            return
        self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._deaf = True
        except HttpParserError:
            self._refuse(400)
        if self._reads_head and self._head_size:
            self._look_at_head()

    def eof_received(self) -> bool:
        """Answer what was asked; nothing more can come."""
        return False

    def pause_writing(self) -> None:
        """Let answers wait for a client that does not take them."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Let answers go on."""
        self._is_full = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    async def drain(self) -> None:
        """Wait until the client takes more."""
        if self._is_full and not self.is_lost:
            self._writable = self.loop.create_future()
            await self._writable

    def write(self, data: bytes) -> None:
        """Send, if the client is still there."""
        if not self.is_lost:
            self.transport.write(data)

    def hold(self) -> None:
        """Let the client wait."""
        if not self._holds and not self.is_lost:
            self._holds = True
            self.transport.pause_reading()

    def go_on(self) -> None:
        """Let it go on, unless it is ahead already."""
        if self._holds and not self._next and not self.transport.is_closing():
            self._holds = False
            self.transport.resume_reading()

    def is_last(self) -> bool:
        """Tell whether the connection ends with the answer that is being written."""
        return self._host.is_last()

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._target, self._fields = b"", []

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Let the request be answered, or wait for its turn."""
        parser = self._parser
        self._reads_head = False
        if len(self._next) >= MOST_AHEAD:
            self._refuse(400)
        if self._deaf:
            return
        request = self._coming = ClientRequest(
            self,
            method=parser.get_method().decode("latin-1"),
            target=self._target.decode("latin-1"),
            fields=self._fields,
            version=parser.get_http_version(),
        )
        if parser.should_upgrade():
            # Nobody upgrades here, and what follows is neither a body nor a request.
            request.leave_rest()
        elif not parser.should_keep_alive():
            request.is_kept = False
        if self._answering is None:
            self._begin(request)
        else:
            self._next.append(request)
            self.hold()

    def on_body(self, data: bytes) -> None:
        """Take a part of the body."""
        if self._coming is not None:
            self._coming.take(data)

    def on_message_complete(self) -> None:
        """Take the end of the body."""
        self._reads_head, self._head_size = True, 0
        request, self._coming = self._coming, None
        if request is not None:
            request.end()
            self._deaf = self._deaf or not request.is_kept

    def _begin(self, request: ClientRequest) -> None:
        self._answering, self._rests = request, False
        request.task = self.loop.create_task(self._answer(request))

    async def _answer(self, request: ClientRequest) -> None:
        try:
            await self._serve(request.arrival(), request.tell)
        except Exception:
            # Its client sees an answer that was cut, or none.
            log.exception("answer was not sent")
        finally:
            self._finish(request)

    def _finish(self, request: ClientRequest) -> None:
        self._answering = None
        if self.is_lost:
            return
        if not request.is_told:
            self.transport.abort()
        elif not request.is_kept:
            self._hang_up()
        elif self._next:
            self._begin(self._next.popleft())
            self.go_on()
        elif self._refused is not None:
            self._say(self._refused)
        else:
            self.go_on()
            self._rests = not self._head_size
            self._wait(
                self._host.longest_rest if self._rests else self._host.longest_head
            )

    def _refuse(self, status: int) -> None:
        """Say that this is no request, when all before it are answered."""
        if self._deaf:
            return
        self._deaf = True
        if self._coming is not None:
            # It began as a request, and whoever reads its body says what is wrong.
            self._coming.cut()
        elif self._answering is not None:
            self._refused = status
        else:
            self._say(status)

    def _say(self, status: int) -> None:
        self.transport.write(self._host.refusal(status))
        self.transport.close()

    def _hang_up(self) -> None:
        self._deaf = True
        if self._coming is None:
            self.transport.close()
            return
        if self._holds:
            self._holds = False
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)

    def _wait(self, seconds: float) -> None:
        """Give the client so long; one timer serves all waits of a connection."""
        self._deadline = self.loop.time() + seconds
        if self._timer is None or self._timer.when() > self._deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_at(self._deadline, self._look_at_time)

    def _look_at_head(self) -> None:
        """See to a head that is not whole yet."""
        if self._head_size > LARGEST_HEAD:
            self._refuse(431)
        elif self._rests:
            self._rests = False
            self._wait(self._host.longest_head)

    def _look_at_time(self) -> None:
        self._timer = None
        if self._answering is not None or self._deaf:
            return
        if self.loop.time() < self._deadline:
            self._wait(self._deadline - self.loop.time())
        elif self._rests:
            self.transport.close()
        else:
            self._refuse(408)

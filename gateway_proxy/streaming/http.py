"""Speaks HTTP with one host in the event loop, and names what goes wrong."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import cast

from gateway_proxy.core.addresses import read_address
from gateway_proxy.core.answers import (
    WHOLE_LIMIT,
    check_head,
    check_size,
    is_endless,
    length_of,
)
from gateway_proxy.core.errors import MalformedRequest, UpstreamUnavailable
from gateway_proxy.core.messages import Answer, AsyncUpload, Outgoing
from gateway_proxy.streaming.connection import Connection, Reading

# Services often close what was idle for twenty seconds, and a race with them is lost.
KEPT_FOR = 15.0
_KEPT = 64
_WITH_A_BODY = frozenset({"POST", "PUT", "PATCH"})


class HttpExchange:
    """One host and the connections to it that are kept, for one loop."""

    def __init__(self, address: str) -> None:
        self.name = address
        self._address = read_address(address)
        self._host = f"HTTP/1.1\r\nHost: {self._address.authority}\r\n"
        self._idle: list[Connection] = []
        self._tls: ssl.SSLContext | None = None
        if self._address.scheme == "https":
            self._tls = ssl.create_default_context()

    def origin(self, request: Outgoing) -> str:  # noqa: ARG002 -- the signature is the port's
        """Return the host's own name and base path."""
        return self._address.origin

    async def send(self, request: Outgoing) -> Answer:
        """Return the host's answer; a small one whole, a large one while it comes."""
        head = self._head_of(request)
        connection = self._take() or await self._connect(request.timeouts.connect)
        reading = Reading(connection, without_body=request.method == "HEAD")
        try:
            _begin(connection, reading, head, request)
            await reading.head()
            return await _answer(reading, request)
        except BaseException:
            reading.close()
            raise

    async def close(self) -> None:
        """Let go of the connections."""
        for connection in list(self._idle):
            connection.abort()
        self._idle.clear()

    def _head_of(self, request: Outgoing) -> bytes:
        target = self._address.base + request.target
        lines = [f"{name}: {value}\r\n" for name, value in request.headers]
        length = _length_of(request)
        if length is None:
            lines.append("Transfer-Encoding: chunked\r\n")
        elif length or request.method in _WITH_A_BODY:
            lines.append(f"Content-Length: {length}\r\n")
        head = f"{request.method} {target} {self._host}{''.join(lines)}\r\n"
        if head.count("\n") != len(lines) + 3 or head.count("\r") != len(lines) + 3:
            raise MalformedRequest("A header holds a line end.")
        return head.encode("latin-1")

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            age = connection.loop.time() - connection.idle_since
            if age < KEPT_FOR and not connection.transport.is_closing():
                return connection
            connection.abort()
        return None

    def _keep(self, connection: Connection) -> None:
        """Keep a connection that has become idle; forget one that has ended."""
        if connection.transport.is_closing():
            if connection in self._idle:
                self._idle.remove(connection)
        elif len(self._idle) < _KEPT:
            connection.idle_since = connection.loop.time()
            self._idle.append(connection)
        else:
            connection.abort()

    async def _connect(self, within: float) -> Connection:
        loop, address = asyncio.get_running_loop(), self._address
        connection = Connection(self._keep, loop)
        try:
            async with asyncio.timeout(within):
                if address.socket is not None:
                    await loop.create_unix_connection(
                        lambda: connection, address.socket
                    )
                else:
                    host, port = address.host_and_port
                    await loop.create_connection(
                        lambda: connection, host, port, ssl=self._tls
                    )
        except OSError as error:
            raise UpstreamUnavailable.to_be_retried() from error
        return connection


class HttpTransport:
    """Opens one exchange for each address."""

    def __init__(self) -> None:
        self._exchanges: dict[str, HttpExchange] = {}

    def exchange_with(self, address: str) -> HttpExchange:
        """Return the exchange with an address; routes that name it share it."""
        if address not in self._exchanges:
            self._exchanges[address] = HttpExchange(address)
        return self._exchanges[address]


def _length_of(request: Outgoing) -> int | None:
    if isinstance(request.body, bytes):
        return len(request.body)
    return request.body.length


def _begin(
    connection: Connection, reading: Reading, head: bytes, request: Outgoing
) -> None:
    reading.expire_in(request.timeouts.head)
    if isinstance(request.body, bytes):
        connection.transport.write(head + request.body)
        return
    connection.transport.write(head)
    sending = _send(connection, reading, request)
    reading.upload = asyncio.ensure_future(sending)


async def _send(connection: Connection, reading: Reading, request: Outgoing) -> None:
    """Pass the client's body on; the time that the host has begins with each chunk."""
    upload = cast("AsyncUpload", request.body)
    form = b"%s" if upload.length is not None else None

    def expire_in(seconds: float | None) -> None:
        if not reading.has_head:
            reading.expire_in(seconds)

    try:
        expire_in(None)
        async for chunk in upload:
            if chunk:
                expire_in(request.timeouts.head)
                await connection.write(
                    chunk if form else b"%x\r\n%b\r\n" % (len(chunk), chunk)
                )
                expire_in(None)
        if not form:
            connection.transport.write(b"0\r\n\r\n")
        expire_in(request.timeouts.head)
    except Exception as error:  # noqa: BLE001 -- whoever waits for the answer is told
        reading.fail(error)


async def _answer(reading: Reading, request: Outgoing) -> Answer:
    headers = reading.headers
    check_head(reading.status, headers)
    length = length_of(headers)
    check_size(length or 0)
    body: bytes | _Stream
    if reading.ended or (length is not None and length <= WHOLE_LIMIT):
        reading.expire_in(request.timeouts.whole)
        body = await reading.whole()
    else:
        reading.expire_in(None)
        body = _Stream(reading, request.timeouts.whole, is_endless=is_endless(headers))
    return Answer(reading.status, reading.reason, headers, body)


class _Stream:
    """A body on its way; closing it before its end closes its connection."""

    def __init__(
        self, reading: Reading, longest_silence: float, *, is_endless: bool
    ) -> None:
        self._reading = reading
        self._is_endless = is_endless
        self._longest_silence = longest_silence

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield what has come, as soon as it has come."""
        size = 0
        while chunk := await self._reading.more(within=self._longest_silence):
            size += len(chunk)
            if not self._is_endless:
                check_size(size)
            yield chunk

    async def aclose(self) -> None:
        """Let go of the connection; one with an unread rest serves nobody else."""
        self._reading.close()

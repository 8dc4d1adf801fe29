"""Speaks HTTP with one host in the thread of the request, and names what goes wrong."""

import http.client
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from urllib3 import (
    BaseHTTPResponse,
    HTTPConnectionPool,
    HTTPHeaderDict,
    HTTPResponse,
    HTTPSConnectionPool,
    Timeout,
)
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.util import SKIP_HEADER

from gateway_proxy.core.addresses import Address, read_address
from gateway_proxy.core.answers import WHOLE_LIMIT, check_head, check_size, is_endless
from gateway_proxy.core.errors import (
    UpstreamFailed,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway_proxy.core.messages import Answer, BlockingUpload, Outgoing
from gateway_proxy.core.table import Timeouts

_CHUNK = 64 * 1024
_CONNECTIONS_KEPT = 32


@dataclass(slots=True)
class _Sending:
    """What the pool hands on untouched; it would escape some of the target anew."""

    target: str
    body: bytes | BlockingUpload | None
    timeouts: Timeouts
    sent_at: float = 0.0


class _Head(http.client.HTTPResponse):
    def begin(self) -> None:
        """Read the head; Python's own passes over what it can't read."""
        super().begin()
        message = self.headers
        folded = any("\n" in value for value in message.values())
        if folded or message.defects or message.get_payload():
            raise http.client.HTTPException


class _Connection(HTTPConnection):
    """Sends the target as it is, and knows whether anything was sent."""

    response_class = _Head
    _silence: float

    def connect(self) -> None:
        """Connect; whatever fails here, nothing of the request was sent."""
        try:
            super().connect()
        except (HTTPError, OSError) as error:
            raise UpstreamUnavailable.to_be_retried() from error

    def request(  # type: ignore[override]  # -- as in its own base class
        self,
        method: str,
        url: str,  # noqa: ARG002 -- the signature is urllib3's
        body: Any = None,  # noqa: ANN401 -- the signature is urllib3's
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Send a request, and its body while it comes."""
        sending: _Sending = body
        if self.sock is None:
            self.connect()
        self.timeout = sending.timeouts.head
        self._silence = sending.timeouts.whole
        try:
            super().request(method, sending.target, sending.body, headers, **options)
        except TimeoutError as error:
            raise UpstreamTimeout.to_be_retried() from error
        finally:
            sending.sent_at = time.monotonic()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # -- as in its own base class
        """Return the head; from now on another timeout holds."""
        connected = self.sock
        response = super().getresponse()
        connected.settimeout(self._silence)
        return response


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _UnixConnection(_Connection):
    def __init__(self, *args: Any, path: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._path = path

    def _new_conn(self) -> socket.socket:
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.settimeout(cast("float", self.timeout))
            connected.connect(self._path)
        except OSError:
            connected.close()
            raise
        return connected


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _UnixPool(HTTPConnectionPool):
    ConnectionCls = _UnixConnection


class HttpExchange:
    """One host and the connections to it that are kept."""

    def __init__(self, address: str) -> None:
        self.name = address
        self._address = read_address(address)
        self._pool = _pool_of(self._address)

    def origin(self, request: Outgoing) -> str:  # noqa: ARG002 -- the signature is the port's
        """Return the host's own name and base path."""
        return self._address.origin

    async def send(self, request: Outgoing) -> Answer:
        """Return the host's answer; a small one whole, a large one while it comes."""
        timeouts = request.timeouts
        sending = self._sending(request)
        with _NamedFailures():
            response = self._pool.urlopen(
                request.method,
                "/",
                body=cast("Any", sending),
                headers=_fields(request),
                retries=False,
                redirect=False,
                timeout=Timeout(connect=timeouts.connect, read=timeouts.head),
                preload_content=False,
                decode_content=False,
            )
            try:
                return _answer(response, sending.sent_at + timeouts.whole)
            except BaseException:
                _drop(response)
                raise

    async def close(self) -> None:
        """Let go of the connections."""
        self._pool.close()

    def _sending(self, request: Outgoing) -> _Sending:
        body = cast("bytes | BlockingUpload", request.body) or None
        return _Sending(self._address.base + request.target, body, request.timeouts)


class HttpTransport:
    """Opens one exchange for each address."""

    def __init__(self) -> None:
        self._exchanges: dict[str, HttpExchange] = {}

    def exchange_with(self, address: str) -> HttpExchange:
        """Return the exchange with an address; routes that name it share it."""
        if address not in self._exchanges:
            self._exchanges[address] = HttpExchange(address)
        return self._exchanges[address]


def _pool_of(address: Address) -> HTTPConnectionPool:
    options: dict[str, Any] = {"maxsize": _CONNECTIONS_KEPT}
    if address.socket is not None:
        return _UnixPool("localhost", path=address.socket, **options)
    host, port = address.host_and_port
    pool = _TLSPool if address.scheme == "https" else _Pool
    return pool(host, port, **options)


def _fields(request: Outgoing) -> HTTPHeaderDict:
    fields = HTTPHeaderDict(request.headers)
    for name in ("User-Agent", "Accept-Encoding"):
        fields.setdefault(name, SKIP_HEADER)
    if not isinstance(request.body, bytes) and request.body.length is not None:
        fields["Content-Length"] = str(request.body.length)
    return fields


class _NamedFailures:
    """Turns what urllib3 raises into what the client is told."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, ReadTimeoutError):
            raise UpstreamTimeout.to_be_retried() from error
        if isinstance(error, HTTPError):
            raise UpstreamFailed.to_be_retried() from error


def _answer(response: BaseHTTPResponse, deadline: float) -> Answer:
    headers = tuple((name.lower(), value) for name, value in response.headers.items())
    length = response.length_remaining
    check_head(response.status, headers)
    check_size(length or 0)
    body: bytes | _Stream
    if length is not None and length <= WHOLE_LIMIT:
        body = _read_whole(response, deadline)
    else:
        body = _Stream(response, is_endless=is_endless(headers))
    return Answer(response.status, response.reason or "", headers, body)


def _read_whole(response: BaseHTTPResponse, deadline: float) -> bytes:
    """Return the body; one that is cut short or dribbles becomes a problem in time."""
    chunks = []
    while chunk := response.read1(_CHUNK, decode_content=False):
        chunks.append(chunk)
        if time.monotonic() > deadline:
            raise UpstreamTimeout.to_be_retried()
    return b"".join(chunks)


class _Stream:
    """A body on its way; closing it gives its connection back, or up."""

    def __init__(self, response: BaseHTTPResponse, *, is_endless: bool) -> None:
        self._response = response
        self._is_endless = is_endless

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        with _NamedFailures():
            while chunk := self._response.read1(_CHUNK, decode_content=False):
                size += len(chunk)
                if not self._is_endless:
                    check_size(size)
                yield chunk

    def close(self) -> None:
        """Let go of the connection; one with an unread rest serves nobody else."""
        _drop(self._response)


def _drop(response: BaseHTTPResponse) -> None:
    # Closing first: a connection with an unread rest must not serve another request.
    response.close()
    response.release_conn()

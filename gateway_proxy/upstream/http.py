"""Forwards to a service over HTTP, and names what goes wrong on the way."""

import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from urllib3 import (
    BaseHTTPResponse,
    HTTPConnectionPool,
    HTTPHeaderDict,
    HTTPSConnectionPool,
    Retry,
    Timeout,
)
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    ReadTimeoutError,
)
from urllib3.util import SKIP_HEADER

from gateway_proxy.core.breaker import Breaker, FailureRatio
from gateway_proxy.core.errors import (
    CircuitOpen,
    UpstreamFailed,
    UpstreamProblem,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway_proxy.core.messages import Answer, Outgoing

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 10.0
WHOLE_ANSWER_TIMEOUT = 30.0
WHOLE_ANSWER_LIMIT = 256 * 1024
ANSWER_LIMIT = 32 * 1024 * 1024
OPEN_FOR = 5.0

_CHUNK = 64 * 1024
_CONNECTIONS_KEPT = 32
# Once more if no connection came to be; a request that may have been read, never.
_RETRIES = Retry(
    total=None, connect=1, read=False, redirect=False, status=False, other=0
)
_TARGET = ":path"


class _Connection(HTTPConnection):
    """Sends the request target as it is; the pool would escape some of it anew."""

    def request(  # type: ignore[override]  # -- as in its own base class
        self,
        method: str,
        url: str,
        body: Any = None,  # noqa: ANN401 -- the signature is urllib3's
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Send a request to the target that came as a pseudo header."""
        fields = HTTPHeaderDict(headers)
        url = fields.pop(_TARGET)
        super().request(method, url, body, fields, **options)


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class HttpUpstream:
    """A service with a URL, its connections, and a breaker around it.

    The breaker counts what goes wrong on the way. An answer is an answer, whatever
    its status: it came quickly and says more than the gateway could.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        breaker: Breaker | None = None,
    ) -> None:
        parts = urlsplit(url)
        self.name = url
        self._base = parts.path.rstrip("/")
        self._origin = parts.netloc + self._base
        pool = _TLSPool if parts.scheme == "https" else _Pool
        self._pool = pool(
            parts.hostname or "",
            parts.port,
            timeout=Timeout(connect=connect_timeout, read=read_timeout),
            maxsize=_CONNECTIONS_KEPT,
        )
        self._breaker = breaker or Breaker(
            FailureRatio(window=10.0, minimum=20, ratio=0.5), open_for=OPEN_FOR
        )

    def origin(self, request: Outgoing) -> str:  # noqa: ARG002 -- the signature is the upstream's
        """Return the service's own host and base path."""
        return self._origin

    def send(self, request: Outgoing) -> Answer:
        """Return the service's answer, or say what went wrong on the way."""
        ticket = self._breaker.admit()
        if ticket is None:
            rest = max(1, math.ceil(self._breaker.rest()))
            raise CircuitOpen(headers={"Retry-After": str(rest)})
        try:
            answer = self._exchange(request)
        except UpstreamProblem as problem:
            if self._breaker.failed(ticket):
                log.warning(
                    "upstream was cut off",
                    extra={"upstream": self.name, "reason": problem.code},
                )
            raise
        if self._breaker.succeeded(ticket):
            log.info("upstream came back", extra={"upstream": self.name})
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.close()

    def _exchange(self, request: Outgoing) -> Answer:
        with _NamedFailures():
            response = self._pool.urlopen(
                request.method,
                "/",
                body=cast("bytes", request.body) or None,
                headers=self._headers(request),
                retries=_RETRIES,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                return _answer(response)
            except BaseException:
                _drop(response)
                raise

    def _headers(self, request: Outgoing) -> HTTPHeaderDict:
        fields = HTTPHeaderDict(request.headers)
        for name in ("User-Agent", "Accept-Encoding"):
            fields.setdefault(name, SKIP_HEADER)
        fields[_TARGET] = self._base + request.target
        return fields


class _NamedFailures:
    """Turns what urllib3 raises into what the client is told."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, MaxRetryError) and isinstance(
            error.reason, ConnectTimeoutError
        ):
            raise UpstreamUnavailable.to_be_retried() from error
        if isinstance(error, ReadTimeoutError):
            raise UpstreamTimeout.to_be_retried() from error
        if isinstance(error, HTTPError):
            raise UpstreamFailed.to_be_retried() from error


def _answer(response: BaseHTTPResponse) -> Answer:
    length = response.length_remaining
    if length is not None and length > ANSWER_LIMIT:
        raise UpstreamFailed.to_be_retried()
    whole = length is not None and length <= WHOLE_ANSWER_LIMIT
    return Answer(
        response.status,
        response.reason or "",
        tuple((name.lower(), value) for name, value in response.headers.items()),
        _Streamed(response, (_read_whole(response),) if whole else _stream(response)),
    )


class _Streamed:
    """A body that gives its connection back, or up, when it is closed."""

    def __init__(self, response: BaseHTTPResponse, chunks: Iterable[bytes]) -> None:
        self._response = response
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        _drop(self._response)


def _read_whole(response: BaseHTTPResponse) -> bytes:
    """Return the body; one that is cut short or dribbles becomes a problem in time."""
    deadline = time.monotonic() + WHOLE_ANSWER_TIMEOUT
    chunks = []
    while chunk := response.read1(_CHUNK, decode_content=False):
        chunks.append(chunk)
        if time.monotonic() > deadline:
            raise UpstreamTimeout.to_be_retried()
    return b"".join(chunks)


def _stream(response: BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the body; the client's connection is cut where the upstream's was."""
    size = 0
    with _NamedFailures():
        for chunk in response.stream(_CHUNK, decode_content=False):
            size += len(chunk)
            if size > ANSWER_LIMIT:
                raise UpstreamFailed.to_be_retried()
            yield chunk


def _drop(response: BaseHTTPResponse) -> None:
    # Closing first: a connection with an unread rest must not serve another request.
    response.close()
    response.release_conn()

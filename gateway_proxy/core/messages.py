"""What goes through the gateway, in words that no framework owns."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gateway_proxy.core.table import Timeouts

if TYPE_CHECKING:
    from gateway_proxy.core.decisions import Decision

# Names are in lower case.
Headers = tuple[tuple[str, str], ...]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# By these nothing is changed (RFC 9110, 9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Body(Protocol):
    """A body that is still on its way; closing it lets go of what brings it."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """Let go, whether or not all of it was read."""
        ...


class AsyncBody(Protocol):
    """A body that is still on its way to an event loop."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None:
        """Let go, whether or not all of it was read."""
        ...


class Upload(Protocol):
    """A client's body that is still on its way; `length` is None if it has no end yet.

    It is read once. Reading raises BodyTooLarge above the route's limit, and
    MalformedRequest if the client broke off.
    """

    length: int | None


class HeldUpload(Upload, Protocol):
    """One whose beginning may be looked at before it is passed on."""

    async def within(self, most: int) -> bytes | None:
        """Return all of it if it is no longer than that; None if it is.

        Then it can still be read from its beginning, once.
        """
        ...


class BlockingUpload(Upload, Protocol):
    """One that a thread reads."""

    def __iter__(self) -> Iterator[bytes]: ...


class AsyncUpload(Upload, Protocol):
    """One that an event loop reads."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...


# Not frozen: made with every request, and each field of a frozen one costs a call.
@dataclass(slots=True)
class Incoming:
    """A request as the client sent it; its body is read only when it may pass.

    `length` is what the body was announced with, 0 without one, None if it comes in
    chunks; `upload` takes the most that is accepted. `peer` is the other end of the connection and `sender` the one it speaks for;
    `client` is what counts as one client, which of an IPv6 sender is its network.
    """

    method: str
    path: str
    query: str
    headers: Headers
    scheme: str
    host: str
    peer: str
    sender: str
    client: str
    request_id: str
    length: int | None
    upload: Callable[[int], HeldUpload]


@dataclass(slots=True)
class Outgoing:
    """A request as an upstream gets it; a body that is not bytes is read once."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | Upload
    scheme: str
    host: str
    peer: str
    timeouts: Timeouts = field(default_factory=Timeouts)

    @property
    def target(self) -> str:
        """The path and the query, byte for byte as the client wrote them."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(slots=True)
class Answer:
    """What an upstream said."""

    status: int
    reason: str
    headers: Headers
    body: bytes | Body | AsyncBody


@dataclass(slots=True)
class AccessRecord:
    """What is known of a request so far, for its log line and its limit headers.

    `code` is that of the gateway's own refusal, if it refused.
    """

    method: str = ""
    request_id: str = ""
    route: str | None = None
    user_id: str | None = None
    key_id: str | None = None
    upstream: str | None = None
    trace_id: str | None = None
    decision: "Decision | None" = None
    code: str | None = None

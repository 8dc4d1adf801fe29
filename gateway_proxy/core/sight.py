"""What the gateway tells whoever watches it; none of it may fail or wait."""

from typing import Protocol

from gateway_proxy.core.messages import AccessRecord


class Sight(Protocol):
    """Sees each request begin and end, and what befalls the parts meanwhile.

    Two calls for each request; all others are for what is rare, or for a round trip
    that many requests share.
    """

    def began(self) -> None:
        """Note a request; `finished` follows, whatever happens to it."""
        ...

    def finished(
        self, record: AccessRecord, *, status: int, seconds: float, size: int
    ) -> None:
        """Note what came of it; `size` is that of the body that left."""
        ...

    def limiter_asked(self, seconds: float) -> None:
        """Note how long one round trip to the shared limits took."""
        ...

    def limiter_moved(self, *, local: bool) -> None:
        """Note that this process counts for itself from now on, or no longer."""
        ...

    def upstream_failed(self, upstream: str, code: str) -> None:
        """Note a try that failed, with the code of what went wrong."""
        ...

    def upstream_retried(self, upstream: str) -> None:
        """Note that a request is sent once more."""
        ...

    def breaker_moved(self, upstream: str, *, is_open: bool) -> None:
        """Note that an upstream is left alone from now on, or asked again, in turns."""
        ...

    def host_moved(self, upstream: str, *, ejected: bool) -> None:
        """Note that one host of several gets no requests now, or again, in turns."""
        ...

    def table_seen(self, version: int, *, stale_seconds: float) -> None:
        """Note which table is in use, and since when nobody could ask for a newer."""
        ...

    def bridge_loaded(self, *, queued: int, busy: int) -> None:
        """Note how many requests wait for a thread of the API, and how many have one."""
        ...


class NoSight:
    """Watches nothing."""

    def began(self) -> None:
        """See nothing."""

    def finished(
        self, record: AccessRecord, *, status: int, seconds: float, size: int
    ) -> None:
        """See nothing."""

    def limiter_asked(self, seconds: float) -> None:
        """See nothing."""

    def limiter_moved(self, *, local: bool) -> None:
        """See nothing."""

    def upstream_failed(self, upstream: str, code: str) -> None:
        """See nothing."""

    def upstream_retried(self, upstream: str) -> None:
        """See nothing."""

    def breaker_moved(self, upstream: str, *, is_open: bool) -> None:
        """See nothing."""

    def host_moved(self, upstream: str, *, ejected: bool) -> None:
        """See nothing."""

    def table_seen(self, version: int, *, stale_seconds: float) -> None:
        """See nothing."""

    def bridge_loaded(self, *, queued: int, busy: int) -> None:
        """See nothing."""

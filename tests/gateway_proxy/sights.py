"""Who sees what the gateway's parts say of themselves, for tests."""

from gateway_proxy.core.messages import AccessRecord


class SpySight:
    """Writes down each word."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def began(self) -> None:
        self.seen.append(("began",))

    def finished(
        self, record: AccessRecord, *, status: int, seconds: float, size: int
    ) -> None:
        self.seen.append(("finished", status, size))

    def limiter_asked(self, seconds: float) -> None:
        self.seen.append(("limiter asked",))

    def limiter_moved(self, *, local: bool) -> None:
        self.seen.append(("limiter local", local))

    def upstream_failed(self, upstream: str, code: str) -> None:
        self.seen.append(("failed", upstream, code))

    def upstream_retried(self, upstream: str) -> None:
        self.seen.append(("retried", upstream))

    def breaker_moved(self, upstream: str, *, is_open: bool) -> None:
        self.seen.append(("breaker open", upstream, is_open))

    def host_moved(self, upstream: str, *, ejected: bool) -> None:
        self.seen.append(("ejected", upstream, ejected))

    def table_seen(self, version: int, *, stale_seconds: float) -> None:
        self.seen.append(("table", version, stale_seconds))

    def bridge_loaded(self, *, queued: int, busy: int) -> None:
        self.seen.append(("bridge", queued, busy))

    def of(self, word: str) -> list[tuple[object, ...]]:
        """Return what was said with this word."""
        return [said[1:] for said in self.seen if said[0] == word]

"""Sees what the gateway of this process does: it counts, and writes a line of the log."""

from functools import cache

from django.conf import settings
from prometheus_client import CollectorRegistry

from gateway_proxy.accesslog import AccessLog
from gateway_proxy.core.messages import AccessRecord
from gateway_proxy.metrics import Counts
from opencore.metrics.processes import registry as of_this_process


class ProcessSight(Counts):
    """Counts each request and writes it down."""

    def __init__(
        self, log: AccessLog, registry: CollectorRegistry = of_this_process
    ) -> None:
        super().__init__(registry)
        self._log = log

    def finished(
        self, record: AccessRecord, *, status: int, seconds: float, size: int
    ) -> None:
        """Count what came of a request, and write it down."""
        super().finished(record, status=status, seconds=seconds, size=size)
        self._log.write(record, status=status, seconds=seconds, size=size)

    def write(
        self, record: AccessRecord, *, status: int, seconds: float, size: int
    ) -> None:
        """Write a request down, and who refused it; it is counted with others."""
        self.refused(record, status)
        self._log.write(record, status=status, seconds=seconds, size=size)


@cache
def current_sight() -> ProcessSight:
    """Return the one that sees this process; a second would count everything twice."""
    return ProcessSight(AccessLog(sample=settings.GATEWAY_ACCESS_LOG_SAMPLE))

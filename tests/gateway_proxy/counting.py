"""An application that counts as the gateway does, for a server with two workers."""

import os
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

from prometheus_client import CollectorRegistry, generate_latest

from gateway_proxy.core.messages import AccessRecord
from gateway_proxy.metrics import Counts
from opencore.metrics.processes import counted_together

counts = Counts()


def application(
    environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    """Answer a request with an end, one without, or what both workers counted."""
    page = CollectorRegistry()
    page.register(counted_together())
    record = AccessRecord(method="GET", route="/billing", upstream="local")
    if environ["PATH_INFO"] == "/answered":
        counts.began()
        counts.finished(record, status=200, seconds=0.02, size=2)
    if environ["PATH_INFO"] == "/unanswered":
        counts.began()
        counts.limiter_moved(local=True)
    start_response("200 OK", [("X-Process", str(os.getpid()))])
    return [generate_latest(page)]

"""What the processes of one server counted: the page of any one tells of all."""

import os

from prometheus_client import CollectorRegistry, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from opencore.metrics.folder import FOLDER

# When a series began would be a series of its own for each; nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # -- the library leaves it untyped

# Where parts of the system register what they count.
registry = CollectorRegistry()


def counted_together() -> Collector:
    """Return what this process counted, and those beside it if there are any."""
    if FOLDER in os.environ:
        return MultiProcessCollector(None)  # type: ignore[no-untyped-call]  # -- as above
    return registry

"""What was read for a metric, in the form that the page is made of."""

from collections.abc import Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from opencore.metrics.listing import Metric


def family_of(metric: Metric, samples: Mapping[tuple[str, ...], float]) -> Family:
    """Return a gauge or a counter with its values, by the values of its labels."""
    kind = GaugeMetricFamily if metric.kind == "gauge" else CounterMetricFamily
    family: Any = kind(metric.name, metric.meaning, labels=metric.labels)
    for labels, value in sorted(samples.items()):
        family.add_metric(labels, value)
    found: Family = family
    return found

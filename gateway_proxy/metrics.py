"""What `/metrics` says of the gateway, and who counts it.

The list is all that the page, the alerts and the board know. Labels are routes, hosts
and policies of the table, methods and codes: never a path, a person or an address.
"""

from bisect import bisect_left
from collections import Counter as Places
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway_proxy.core.decisions import Decision
from gateway_proxy.core.messages import METHODS, AccessRecord
from opencore.metrics.listing import Metric
from opencore.metrics.processes import registry as of_this_process

LATENCY = "gateway_request_seconds"
LIMITER_LATENCY = "gateway_limiter_seconds"
BOUNDS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    *(10.0, 30.0),
)
LIMITER_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
NONE = "none"
# Who refused, where nobody passes while the shared limits are away.
CLOSED = "closed"

METRICS = (
    Metric(
        "gateway_requests_total",
        "counter",
        "Requests that were answered; one that no route or host took is of none.",
        ("route", "method", "status_class", "upstream"),
    ),
    Metric(
        LATENCY, "histogram", "From a request to the end of its answer.", ("route",)
    ),
    Metric("gateway_in_flight", "gauge", "Requests that are not answered yet."),
    Metric(
        "gateway_rate_limited_total",
        "counter",
        "Requests that were too many, by the limit that said so.",
        ("policy",),
    ),
    Metric(
        "gateway_shadow_refusals_total",
        "counter",
        "Requests that a limit on trial would have refused.",
        ("policy",),
    ),
    Metric(
        "gateway_limiter_mode",
        "gauge",
        "0 while limits are shared, 1 while some process counts for itself.",
    ),
    Metric(LIMITER_LATENCY, "histogram", "Of one round trip to the shared limits."),
    Metric(
        "gateway_tokens_refused_total",
        "counter",
        "Requests whose access token or API key was refused.",
        ("code",),
    ),
    Metric(
        "gateway_upstream_failures_total",
        "counter",
        "Tries that failed, those that were repeated included.",
        ("upstream", "code"),
    ),
    Metric(
        "gateway_upstream_retries_total",
        "counter",
        "Requests that were sent once more.",
        ("upstream",),
    ),
    Metric(
        "gateway_breaker_open",
        "gauge",
        "How many breakers of all processes leave an upstream alone.",
        ("upstream",),
    ),
    Metric(
        "gateway_host_ejected",
        "gauge",
        "How many processes send one host of several no requests.",
        ("upstream",),
    ),
    Metric(
        "gateway_table_version", "gauge", "The oldest table that a process routes by."
    ),
    Metric(
        "gateway_table_stale_seconds",
        "gauge",
        "Since when some process could not ask for a newer table.",
    ),
    Metric(
        "gateway_bridge_queue", "gauge", "Requests that wait for the API's threads."
    ),
    Metric("gateway_bridge_busy", "gauge", "Threads of the API that have a request."),
)

_BY_NAME = {metric.name: metric for metric in METRICS}
_CLASSES = {number: f"{number}xx" for number in range(1, 6)}


# A request's route and method, the hundreds of its status, and its upstream.
Answered = tuple[str | None, str, int, str | None]


def answered_of(record: AccessRecord, status: int) -> Answered:
    """Return what a request is counted as; what only a client names is no label."""
    method = record.method if record.method in METHODS else NONE
    return record.route, method, status // 100, record.upstream


class Counts:
    """Counts what the gateway sees; processes that serve together are added up.

    One object for each process: a second one would count the same series twice.
    """

    def __init__(self, registry: CollectorRegistry = of_this_process) -> None:
        make = _Maker(registry)
        self._requests = make.counter("gateway_requests_total")
        self._seconds = make.histogram(LATENCY, BOUNDS)
        self._in_flight = make.gauge("gateway_in_flight", "livesum")
        self._limited = make.counter("gateway_rate_limited_total")
        self._shadow = make.counter("gateway_shadow_refusals_total")
        self._mode = make.gauge("gateway_limiter_mode", "livemax")
        self._limiter = make.histogram(LIMITER_LATENCY, LIMITER_BOUNDS)
        self._tokens = make.counter("gateway_tokens_refused_total")
        self._failures = make.counter("gateway_upstream_failures_total")
        self._retries = make.counter("gateway_upstream_retries_total")
        self._breaker = make.gauge("gateway_breaker_open", "livesum")
        self._ejected = make.gauge("gateway_host_ejected", "livesum")
        self._table = make.gauge("gateway_table_version", "livemin")
        self._stale = make.gauge("gateway_table_stale_seconds", "livemax")
        self._queue = make.gauge("gateway_bridge_queue", "livesum")
        self._busy = make.gauge("gateway_bridge_busy", "livesum")
        # Finding a series by its labels costs more than counting in it.
        self._series: dict[Answered, Counter] = {}
        self._times: dict[str | None, Histogram] = {}

    def began(self) -> None:
        """Note a request."""
        self._in_flight.inc()

    def finished(
        self,
        record: AccessRecord,
        *,
        status: int,
        seconds: float,
        size: int,  # noqa: ARG002 -- the signature is the port's
    ) -> None:
        """Note what came of it."""
        self.add(in_flight=-1, answered={answered_of(record, status): [seconds]})
        self.refused(record, status)

    def add(
        self, *, in_flight: int, answered: Mapping[Answered, Sequence[float]]
    ) -> None:
        """Note how many more are not answered, and the seconds of those that were."""
        self._in_flight.inc(in_flight)
        for key, seconds in answered.items():
            series = self._series.get(key) or self._series_of(key)
            series.inc(len(seconds))
            route = key[0]
            times = self._times.get(route) or self._times_of(route)
            _observe(times, seconds)

    def refused(self, record: AccessRecord, status: int) -> None:
        """Note who refused it, if somebody did."""
        if record.decision is not None:
            self._decided(record.decision)
        if status == 401 and record.code is not None:
            self._tokens.labels(record.code).inc()

    def limiter_asked(self, seconds: float) -> None:
        """Note how long one round trip to the shared limits took."""
        self._limiter.observe(seconds)

    def limiter_moved(self, *, local: bool) -> None:
        """Note whether this process counts for itself."""
        self._mode.set(local)

    def upstream_failed(self, upstream: str, code: str) -> None:
        """Note a try that failed."""
        self._failures.labels(upstream, code).inc()

    def upstream_retried(self, upstream: str) -> None:
        """Note that a request is sent once more."""
        self._retries.labels(upstream).inc()

    def breaker_moved(self, upstream: str, *, is_open: bool) -> None:
        """Note whether an upstream is left alone."""
        self._breaker.labels(upstream).inc(1 if is_open else -1)

    def host_moved(self, upstream: str, *, ejected: bool) -> None:
        """Note whether one host of several gets requests."""
        self._ejected.labels(upstream).inc(1 if ejected else -1)

    def table_seen(self, version: int, *, stale_seconds: float) -> None:
        """Note which table is in use, and for how long nobody could ask for a newer."""
        self._table.set(version)
        self._stale.set(stale_seconds)

    def bridge_loaded(self, *, queued: int, busy: int) -> None:
        """Note how many requests wait for a thread of the API, and how many have one."""
        self._queue.set(queued)
        self._busy.set(busy)

    def _decided(self, decision: Decision) -> None:
        if decision.closed:
            self._limited.labels(CLOSED).inc()
        for verdict in decision.verdicts:
            if not verdict.allowed:
                refusals = self._shadow if verdict.shadow else self._limited
                refusals.labels(verdict.policy.name).inc()

    def _series_of(self, key: Answered) -> Counter:
        route, method, number, upstream = key
        series = self._requests.labels(
            route or NONE, method, _CLASSES.get(number, NONE), upstream or NONE
        )
        return self._series.setdefault(key, series)

    def _times_of(self, route: str | None) -> Histogram:
        return self._times.setdefault(route, self._seconds.labels(route or NONE))


def _observe(times: Histogram, seconds: Sequence[float]) -> None:
    """Do what `observe` does for each, with one step for each bucket."""
    if len(seconds) == 1:
        times.observe(seconds[0])
        return
    times._sum.inc(sum(seconds))
    bounds = times._upper_bounds
    places = Places(bisect_left(bounds, one) for one in seconds)
    for place, number in places.items():
        times._buckets[place].inc(number)


class _Maker:
    """Makes what counts, as the list describes it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str) -> Counter:
        return Counter(**self._of(name))

    def histogram(self, name: str, bounds: tuple[float, ...]) -> Histogram:
        return Histogram(**self._of(name), buckets=bounds)

    def gauge(self, name: str, mode: Any) -> Gauge:  # noqa: ANN401 -- one of the library's words
        return Gauge(**self._of(name), multiprocess_mode=mode)

    def _of(self, name: str) -> dict[str, Any]:
        metric = _BY_NAME[name]
        return {
            "name": metric.name,
            "documentation": metric.meaning,
            "labelnames": metric.labels,
            "registry": self._registry,
        }

"""Reads every metric of the list from the database, at the moment it is asked for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import Count, Min, Sum
from django.utils import timezone
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from opencore.metrics.families import family_of
from opencore.metrics.listing import Metric
from outbox.metrics.names import LATENCY_BOUNDS, METRICS, SUM, bound_name
from outbox.models import (
    Counter,
    DeadLetter,
    Hold,
    ParkedMessage,
    Replay,
    TopicPause,
)
from outbox.status import read_status

Samples = dict[str, dict[tuple[str, ...], float]]


class OutboxCollector(Collector):
    """All processes at once, as their tables tell of them."""

    def collect(self) -> Iterator[Family]:
        """Return all metrics; without the database, only that it is away."""
        try:
            samples = _read(timezone.now())
        except DatabaseError:
            samples = {"outbox_up": {(): 0.0}}
        for metric in METRICS:
            if metric.name in samples:
                yield _family(metric, samples[metric.name])


def _read(now: datetime) -> Samples:
    counted = _counted()
    return {
        **{metric.name: {} for metric in METRICS},
        **counted,
        **_of_the_status(now),
        **_of_holds(now),
        **_of_parked(now),
        **_of_replays(now),
        **_of_postgresql(now),
        "outbox_up": {(): 1.0},
        "outbox_dead_letters": _dead_letters(),
        "outbox_topic_paused_seconds": {
            (topic,): _age(now, since)
            for topic, since in TopicPause.objects.values_list("topic", "since")
        },
    }


def _of_the_status(now: datetime) -> Samples:
    status = read_status(now=now)
    return {
        "outbox_pending": {(): float(status.pending)},
        "outbox_oldest_pending_age_seconds": {(): status.oldest_pending_seconds},
        "outbox_lanes_unleased": {(): float(len(status.lanes) - status.served_lanes)},
        "outbox_stray_lanes": {(): float(len(status.stray_lanes))},
    }


def _of_holds(now: datetime) -> Samples:
    rows = Hold.objects.values_list("scope").annotate(Count("id"), Min("since"))
    held = list(rows.order_by("scope"))
    return {
        "outbox_held_keys": {(scope,): float(keys) for scope, keys, _ in held},
        "outbox_held_longest_seconds": {
            (scope,): _age(now, since) for scope, _, since in held
        },
    }


def _of_parked(now: datetime) -> Samples:
    rows = ParkedMessage.objects.values_list("consumer").annotate(
        Count("id"), Min("parked_at")
    )
    parked = list(rows.order_by("consumer"))
    return {
        "inbox_parked": {(name,): float(count) for name, count, _ in parked},
        "inbox_parked_longest_seconds": {
            (name,): _age(now, since) for name, _, since in parked
        },
    }


def _of_replays(now: datetime) -> Samples:
    waiting = Replay.objects.filter(state=Replay.State.QUEUED, background=True)
    since = waiting.aggregate(since=Min("started_at"))["since"]
    decided: dict[tuple[str, ...], float] = {}
    for action, done, refused in (
        Replay.objects.decided()
        .values_list("action")
        .annotate(Sum("done"), Sum("refused"))
        .order_by("action")
    ):
        decided[action, "done"] = float(done)
        decided[action, "refused"] = float(refused)
    return {
        "replay_unattended_seconds": {(): _age(now, since) if since else 0.0},
        "replay_events_total": decided,
    }


def _of_postgresql(now: datetime) -> Samples:
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_TRANSACTION)
        (since,) = cursor.fetchone()
        cursor.execute(DEAD_TUPLES)
        (tuples,) = cursor.fetchone()
    return {
        "outbox_xmin_age_seconds": {(): _age(now, since) if since else 0.0},
        "outbox_dead_tuples": {(): float(tuples)},
    }


def _dead_letters() -> dict[tuple[str, ...], float]:
    rows = DeadLetter.objects.waiting().values_list("scope", "type", "reason")
    counted = rows.annotate(Count("id")).order_by("scope", "type", "reason")
    return {
        (scope, kind, reason): float(number) for scope, kind, reason, number in counted
    }


def _counted() -> Samples:
    """Return what relays and consumers counted; what nobody counted yet is zero."""
    known = {metric.name: metric for metric in METRICS}
    samples: Samples = defaultdict(dict)
    for name, metric in known.items():
        if metric.kind == "counter" and not metric.labels:
            samples[name][()] = 0.0
    for name, labels, value in Counter.objects.values_list("name", "labels", "value"):
        # A version after this one may count what this one does not know.
        if name in known:
            by = known[name].labels or sorted(labels)
            samples[name][tuple(str(labels.get(label, "")) for label in by)] = value
    return samples


def _age(now: datetime, since: datetime) -> float:
    return max((now - since).total_seconds(), 0.0)


def _family(metric: Metric, samples: dict[tuple[str, ...], float]) -> Family:
    if metric.kind == "histogram":
        return _histogram(metric, samples)
    return family_of(metric, samples)


def _histogram(metric: Metric, samples: dict[tuple[str, ...], float]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.meaning)
    family.add_metric(
        [], buckets=list(_cumulated(samples)), sum_value=samples.get((SUM,), 0.0)
    )
    return family


def _cumulated(
    samples: dict[tuple[str, ...], float],
) -> Iterable[tuple[str, float]]:
    total = 0.0
    for bound in LATENCY_BOUNDS:
        name = bound_name(bound)
        total += samples.get((name,), 0.0)
        yield name, total


OLDEST_TRANSACTION = """
select min(since) from (
    select xact_start as since from pg_stat_activity
    where pid <> pg_backend_pid()
      and (backend_xmin is not null or backend_xid is not null)
    union all
    select prepared from pg_prepared_xacts
) as holders
"""

DEAD_TUPLES = """
select coalesce(max(n_dead_tup), 0) from pg_stat_all_tables
where relid = 'outbox_event'::regclass
"""

"""Reads every metric of the list from the database, at the moment it is asked for."""

from collections.abc import Iterator
from datetime import datetime

from django.db import Error as DatabaseError
from django.db.models import Count, Exists, Min, OuterRef
from django.utils import timezone
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from accounts.metrics.names import METRICS
from accounts.models import (
    AddressLock,
    AuditAnchor,
    AuditEntry,
    AuditExport,
    AuditSeal,
    DataRequest,
)
from opencore.metrics.families import family_of

LOOKED_AT = 1000  # seals; the metric's meaning says so

Samples = dict[str, dict[tuple[str, ...], float]]


class AccountsCollector(Collector):
    """What waits to be sealed, anchored, exported or erased."""

    def collect(self) -> Iterator[Family]:
        """Return all metrics; without the database, none: `outbox_up` tells of that."""
        try:
            samples = _read(timezone.now())
        except DatabaseError:
            return
        for metric in METRICS:
            yield family_of(metric, samples[metric.name])


def _read(now: datetime) -> Samples:
    return {
        **_of_sealing(now),
        **_of_requests(now),
        "accounts_audit_exports_waiting_seconds": {(): _oldest_export(now)},
        "accounts_locked_addresses": {
            (): float(AddressLock.objects.filter(locked_until__gt=now).count())
        },
    }


def _of_sealing(now: datetime) -> Samples:
    last = AuditSeal.objects.order_by("-entry_id").values_list("entry_id", flat=True)
    waiting = AuditEntry.objects.filter(seq__gt=last.first() or 0).aggregate(
        count=Count("seq"), since=Min("occurred_at")
    )
    return {
        "accounts_audit_unsealed": {(): float(waiting["count"])},
        "accounts_audit_unsealed_seconds": {(): _age(now, waiting["since"])},
        "accounts_audit_unanchored_seconds": {(): _age(now, _unanchored())},
    }


def _unanchored() -> datetime | None:
    # An anchor proves all of its chain up to its number.
    anchors = AuditAnchor.objects.filter(
        chain_id=OuterRef("chain_id"), number__gte=OuterRef("number")
    )
    newest = AuditSeal.objects.annotate(anchored=Exists(anchors)).order_by("-entry_id")
    looked_at = newest.values_list("sealed_at", "anchored")[:LOOKED_AT]
    return min((at for at, anchored in looked_at if not anchored), default=None)


def _of_requests(now: datetime) -> Samples:
    open_ones = DataRequest.objects.filter(
        status__in=(DataRequest.Status.PENDING, DataRequest.Status.RUNNING)
    )
    found = list(
        open_ones.values_list("kind").annotate(Count("id"), Min("due_at")).order_by()
    )
    return {
        "accounts_data_requests_open": {
            (kind,): float(number) for kind, number, _ in found
        },
        "accounts_data_requests_due_seconds": {
            (kind,): (due_at - now).total_seconds() for kind, _, due_at in found
        },
    }


def _oldest_export(now: datetime) -> float:
    waiting = AuditExport.objects.filter(
        status__in=(AuditExport.Status.PENDING, AuditExport.Status.RUNNING)
    )
    return _age(now, waiting.aggregate(since=Min("created_at"))["since"])


def _age(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)

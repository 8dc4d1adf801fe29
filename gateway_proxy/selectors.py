"""What was published about the route table."""

import json
from collections import Counter
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import QuerySet

from gateway_proxy.core.documents import Document
from gateway_proxy.errors import VersionUnknown
from gateway_proxy.models import PlanAssignment, TableVersion
from opencore.database import ask_database


@dataclass(frozen=True, slots=True)
class Published:
    """A version and what it changes of the settings' table; 0 changes nothing."""

    version: int = 0
    changes: Document = field(default_factory=dict)


def latest_published() -> Published:
    """Return the version that gateways should run."""
    latest = versions().order_by("-version").values_list("version", "changes").first()
    return Published(*latest) if latest is not None else Published()


def latest_published_apart(*, deadline: float) -> Published:
    """Return the same over a connection of its own. Raises psycopg.Error."""
    latest = ask_database(
        deadline=deadline,
        question="select version, changes::text from gateway_table_version"
        " order by version desc limit 1",
    )
    if latest is None:
        return Published()
    version, changes = latest
    return Published(version, json.loads(changes))


def get_version(*, version: int) -> TableVersion:
    """Return one version. Raises VersionUnknown."""
    try:
        return TableVersion.objects.get(version=version)
    except TableVersion.DoesNotExist as error:
        raise VersionUnknown from error


def changes_before(*, version: int) -> Document:
    """Return what the version before this one changed of the settings' table."""
    before = versions().filter(version__lt=version).order_by("-version")
    return before.values_list("changes", flat=True).first() or {}


def versions() -> QuerySet[TableVersion]:
    """Return all that was ever published."""
    return TableVersion.objects.all()


def assignments(*, subject_id: UUID | None) -> QuerySet[PlanAssignment]:
    """Return who has which plan: everybody, or one."""
    rows = PlanAssignment.objects.all()
    return rows if subject_id is None else rows.filter(subject_id=subject_id)


def routes_of(document: Document, *, changes: Document) -> list[Document]:
    """Return the routes of a table, each with whether it was changed."""
    different = changes.get("routes", {})
    return [
        {"prefix": prefix, "changed": prefix in different, **route}
        for prefix, route in sorted(document["routes"].items())
    ]


def plans_of(document: Document) -> list[Document]:
    """Return the plans of a table, and how many have each."""
    holders = Counter(document["plan_of"].values())
    return [
        {"name": name, "limits": limits, "assignments": holders[name]}
        for name, limits in sorted(document["plans"].items())
    ]

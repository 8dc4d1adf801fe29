"""Writes changes of the route table into rows, where PostgreSQL looks at them."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from gateway_proxy.core.documents import Document
from gateway_proxy.models import Limit, Plan, PlanAssignment, Route

_BATCH = 5000
_FIELDS = (
    *("enabled", "upstreams", "public", "audience", "cost", "when_down"),
    *("body_limit", "identity", "api_keys"),
)


def store_rows(changes: Document) -> None:
    """Let the rows say what these changes say, and nothing else."""
    Limit.objects.all().delete()
    Route.objects.all().delete()
    routes = Route.objects.bulk_create(
        _route(prefix, route) for prefix, route in changes.get("routes", {}).items()
    )
    wanted = changes.get("plans", {})
    Plan.objects.exclude(name__in=wanted).delete()
    plans = [Plan(name=name) for name in wanted]
    Plan.objects.bulk_create(plans, ignore_conflicts=True)
    Limit.objects.bulk_create(
        [
            *_limits(changes.get("limits", {})),
            *(limit for row in routes for limit in _limits_of_route(row, changes)),
            *(limit for row in plans for limit in _limits(wanted[row.name], plan=row)),
        ]
    )
    _store_assignments(changes.get("plan_of", {}))


def _route(prefix: str, route: Mapping[str, Any]) -> Route:
    fields = {name: route.get(name) for name in _FIELDS}
    timeouts = {
        f"{name}_timeout": value for name, value in route.get("timeouts", {}).items()
    }
    return Route(prefix=prefix, **fields, **timeouts)


def _limits_of_route(row: Route, changes: Document) -> Iterator[Limit]:
    return _limits(changes["routes"][row.prefix].get("limits", {}), route=row)


def _limits(
    limits: Mapping[str, Mapping[str, Any]],
    *,
    route: Route | None = None,
    plan: Plan | None = None,
) -> Iterator[Limit]:
    for name, numbers in limits.items():
        yield Limit(route=route, plan=plan, name=name, **numbers)


def _store_assignments(plan_of: Mapping[str, str]) -> None:
    wanted = {UUID(subject): plan for subject, plan in plan_of.items()}
    stored = dict(PlanAssignment.objects.values_list("subject_id", "plan_id"))
    # There may be many; only what differs is written.
    gone = [subject for subject in stored if subject not in wanted]
    PlanAssignment.objects.filter(subject_id__in=gone).delete()
    PlanAssignment.objects.bulk_create(
        (
            PlanAssignment(subject_id=subject, plan_id=plan)
            for subject, plan in wanted.items()
            if stored.get(subject) != plan
        ),
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["subject_id"],
        update_fields=["plan_id"],
    )

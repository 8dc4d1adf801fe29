"""What must hold between the parts of a document."""

from collections.abc import Iterator, Mapping
from typing import get_args

from gateway_proxy.core.addresses import LOCAL
from gateway_proxy.core.documentshape import (
    RouteDocument,
    TableDocument,
    TableLimit,
)
from opencore.errors import FieldProblem


def broken_rules(table: TableDocument) -> Iterator[FieldProblem]:
    """Yield each rule that the document breaks, with the place where it does."""
    yield from _of_limits(table)
    served = {prefix: route for prefix, route in table.routes.items() if route.enabled}
    if not served:
        yield FieldProblem("/routes", "empty", "A table serves at least one route.")
    for prefix, route in served.items():
        place = f"/routes/{prefix.replace('/', '~1')}"
        yield from _of_upstreams(route, place)
        yield from _of_public_paths(prefix, route, served, place)
        yield from _of_cost(route, table, place)
        yield from _of_timeouts(route, place)


def _of_limits(table: TableDocument) -> Iterator[FieldProblem]:
    for name in get_args(TableLimit):
        if name not in table.limits:
            yield FieldProblem(
                f"/limits/{name}", "required", "A table has all four limits."
            )
    for subject, plan in table.plan_of.items():
        if plan not in table.plans:
            yield FieldProblem(
                f"/plan_of/{subject}", "unknown_plan", f"There is no plan {plan!r}."
            )


def _of_upstreams(route: RouteDocument, place: str) -> Iterator[FieldProblem]:
    addresses = route.upstreams
    if len(set(addresses)) < len(addresses):
        yield FieldProblem(
            f"{place}/upstreams", "duplicate", "An address stands twice."
        )
    if LOCAL in addresses and len(set(addresses)) > 1:
        yield FieldProblem(
            f"{place}/upstreams",
            "mixed",
            "A route leads into this process ('local') or to addresses, not to both.",
        )


def _of_public_paths(
    prefix: str, route: RouteDocument, served: Mapping[str, RouteDocument], place: str
) -> Iterator[FieldProblem]:
    for index, public in enumerate(route.public):
        path = public.partition(" ")[2]
        owner = _owner(path, served)
        if owner == prefix:
            continue
        whose = f"the route {owner}" if owner else "no route"
        yield FieldProblem(
            f"{place}/public/{index}",
            "outside",
            f"{path} belongs to {whose}, so {prefix} can't make it public.",
        )


def _owner(path: str, served: Mapping[str, RouteDocument]) -> str | None:
    while path and path not in served:
        path = path.rpartition("/")[0]
    return path or None


def _of_cost(
    route: RouteDocument, table: TableDocument, place: str
) -> Iterator[FieldProblem]:
    limits = [*table.limits.items(), *route.limits.items()]
    bursts = {f"the limit {name}": limit.burst for name, limit in limits}
    for plan, overrides in table.plans.items():
        for name, limit in overrides.items():
            bursts[f"the limit {name} of the plan {plan}"] = limit.burst
    for whose, burst in bursts.items():
        if route.cost > burst:
            yield FieldProblem(
                f"{place}/cost",
                "too_dear",
                f"It costs {route.cost}, but {whose} never holds more than {burst}.",
            )


def _of_timeouts(route: RouteDocument, place: str) -> Iterator[FieldProblem]:
    timeouts = route.timeouts
    if max(timeouts.connect, timeouts.head) > timeouts.whole:
        yield FieldProblem(
            f"{place}/timeouts/whole",
            "too_short",
            "The whole answer has no less time than its beginning.",
        )

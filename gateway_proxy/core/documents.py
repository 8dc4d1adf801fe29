"""Route tables as JSON documents: read with care, written in full.

A document that is written names everything. One that is read may leave out of a route
what a route has by itself. Changes of a table are such a document, too, of which each
part lies over the same part of the table's: an object over an object, name by name
(RFC 7396); all else replaces.
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway_proxy.core.documentrules import broken_rules
from gateway_proxy.core.documentshape import (
    LimitDocument,
    RouteDocument,
    TableDocument,
)
from gateway_proxy.core.table import Limit, Route, RouteTable, Timeouts
from opencore.errors import FieldProblem, ValidationFailed

Document = dict[str, Any]

# What the house calls pydantic's names of the same things.
_CODES = {"extra_forbidden": "unknown", "missing": "required"}
_KEY = "[key]"


class TableInvalid(ValidationFailed):
    """The route table is not acceptable; see errors."""

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        place = first.pointer or "the whole document"
        super().__init__(
            f"The route table is not acceptable: {place}: {first.detail}{more}",
            errors=problems,
        )


def table_of(document: object) -> RouteTable:
    """Return the table that a document describes. Raises TableInvalid."""
    try:
        shape = TableDocument.model_validate(document)
    except ValidationError as error:
        raise TableInvalid(tuple(map(_problem_of, error.errors()))) from error
    problems = tuple(broken_rules(shape))
    if problems:
        raise TableInvalid(problems)
    return _table_of_shape(shape)


def document_of(table: RouteTable) -> Document:
    """Return a table as a document that leaves nothing out."""
    return {
        "version": table.version,
        "routes": {route.prefix: _route_as_json(route) for route in table.routes},
        "limits": _limits_as_json(table.limits),
        "plans": {name: _limits_as_json(plan) for name, plan in table.plans.items()},
        "plan_of": {str(subject): plan for subject, plan in table.plan_of.items()},
    }


def parse_document(text: str | bytes) -> Document:
    """Return the document that a JSON text holds. Raises TableInvalid.

    What parsers disagree about is refused: a name that stands twice, and NaN.
    """
    try:
        document = json.loads(
            text, object_pairs_hook=_unique_names, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        problem = FieldProblem("", "not_json", f"It is not JSON: {error}.")
        raise TableInvalid((problem,)) from error
    if not isinstance(document, dict):
        raise TableInvalid((FieldProblem("", "not_an_object", "Use a JSON object."),))
    return document


def merged(document: Mapping[str, Any], changes: Mapping[str, Any]) -> Document:
    """Return a document with changes laid over it; a null takes a name away."""
    result = dict(document)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            under = result.get(name)
            result[name] = merged(under if isinstance(under, Mapping) else {}, value)
        else:
            result[name] = value
    return result


def changed(table: RouteTable, changes: Mapping[str, Any], version: int) -> RouteTable:
    """Return a table with changes laid over it. Raises TableInvalid."""
    if "version" in changes:
        problem = FieldProblem("/version", "unknown", "Changes have no version.")
        raise TableInvalid((problem,))
    document = merged(document_of(table), changes)
    return table_of({**document, "version": version})


def _unique_names(pairs: list[tuple[str, Any]]) -> Document:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _problem_of(error: ErrorDetails) -> FieldProblem:
    place = "".join(
        "/" + str(part).replace("~", "~0").replace("/", "~1")
        for part in error["loc"]
        if part != _KEY
    )
    code = _CODES.get(error["type"], error["type"])
    detail = "There is no such field." if code == "unknown" else f"{error['msg']}."
    return FieldProblem(place, code, detail)


def _table_of_shape(shape: TableDocument) -> RouteTable:
    return RouteTable(
        version=shape.version,
        routes=tuple(
            _route_of(prefix, route)
            for prefix, route in sorted(shape.routes.items())
            if route.enabled
        ),
        limits=_limits_of(shape.limits),
        plans={name: _limits_of(plan) for name, plan in shape.plans.items()},
        plan_of=dict(shape.plan_of),
    )


def _route_of(prefix: str, route: RouteDocument) -> Route:
    return Route(
        prefix=prefix,
        upstreams=tuple(route.upstreams),
        public=frozenset(
            (method, path)
            for method, _, path in (each.partition(" ") for each in route.public)
        ),
        audience=route.audience or None,
        cost=route.cost,
        when_down=route.when_down,
        limits=_limits_of(route.limits),
        body_limit=route.body_limit,
        timeouts=Timeouts(
            connect=route.timeouts.connect,
            head=route.timeouts.head,
            whole=route.timeouts.whole,
        ),
        identity=route.identity,
        api_keys=route.api_keys,
    )


def _limits_of(limits: Mapping[Any, LimitDocument]) -> dict[str, Limit]:
    return {name: limit.as_limit(name) for name, limit in limits.items()}


def _route_as_json(route: Route) -> Document:
    return {
        "enabled": True,
        "upstreams": list(route.upstreams),
        "public": sorted(f"{method} {path}" for method, path in route.public),
        "audience": route.audience or "",
        "cost": route.cost,
        "when_down": route.when_down,
        "limits": _limits_as_json(route.limits),
        "body_limit": route.body_limit,
        "timeouts": {
            "connect": route.timeouts.connect,
            "head": route.timeouts.head,
            "whole": route.timeouts.whole,
        },
        "identity": route.identity,
        "api_keys": route.api_keys,
    }


def _limits_as_json(limits: Mapping[str, Limit]) -> Document:
    return {
        name: {
            "rate": limit.policy.rate,
            "burst": limit.policy.burst,
            "shadow": limit.shadow,
        }
        for name, limit in limits.items()
    }

"""Pages by cursor: the next page costs what the first one cost."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.core import signing
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from opencore.errors import DomainError, FieldProblem, ValidationFailed

M = TypeVar("M", bound=Model)
DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100


class CursorMismatch(DomainError):
    """The cursor was not given out for this list; start again without one."""

    code = "cursor_mismatch"
    status = HTTPStatus.BAD_REQUEST


@dataclass(frozen=True, slots=True)
class CursorPage(Generic[M]):
    """Some rows of a list, and where the next ones begin."""

    rows: list[M]
    next_cursor: str | None
    next_url: str | None

    def answer(self, show: Callable[[M], Any]) -> Response:
        """Return the answer, with each row shown by the function."""
        response = Response(
            {
                "data": [show(row) for row in self.rows],
                "next_cursor": self.next_cursor,
                "has_more": self.next_cursor is not None,
            }
        )
        if self.next_url is not None:
            response["Link"] = f'<{self.next_url}>; rel="next"'
        return response


def page(
    rows: QuerySet[M],
    request: Request,
    *,
    key: Sequence[str] = ("created_at", "id"),
    ascending: bool = False,
) -> CursorPage[M]:
    """Return one page of the rows, the greatest first by their key, or the least.

    The key must be unique and not null, and an index must lead with it. A row that is
    inserted or deleted meanwhile neither doubles nor hides another.
    """
    limit = _limit(request)
    scope = _scope(request)
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        rows = rows.filter(_after(key, _open(cursor, scope, key), ascending=ascending))
    sign = "" if ascending else "-"
    found = list(rows.order_by(*(sign + name for name in key))[: limit + 1])
    if len(found) <= limit:
        return CursorPage(rows=found, next_cursor=None, next_url=None)
    next_cursor = _close(found[limit - 1], scope, key)
    return CursorPage(
        rows=found[:limit],
        next_cursor=next_cursor,
        next_url=_next_url(request, next_cursor),
    )


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST_LIMIT:
        return int(text)
    raise ValidationFailed(
        errors=(FieldProblem("/limit", "out_of_range", f"Use 1 to {LARGEST_LIMIT}."),)
    )


def _scope(request: Request) -> str:
    # A cursor is good for one list with one set of filters and one order.
    filters = sorted(
        (name, request.query_params.getlist(name))
        for name in request.query_params
        if name not in {"cursor", "limit"}
    )
    text = json.dumps([request.path, filters])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _after(key: Sequence[str], values: Sequence[object], *, ascending: bool) -> Q:
    # (a, b) < (x, y) spelled so that Postgres can use the index on (a, b).
    past = "gt" if ascending else "lt"
    condition = Q(**{f"{key[-1]}__{past}": values[-1]})
    for name, value in list(zip(key, values, strict=True))[-2::-1]:
        condition = Q(**{f"{name}__{past}": value}) | (Q(**{name: value}) & condition)
    return Q(**{f"{key[0]}__{past}e": values[0]}) & condition


def _close(row: Model, scope: str, key: Sequence[str]) -> str:
    values = [_to_json(getattr(row, name)) for name in key]
    text = json.dumps([scope, values], separators=(",", ":"))
    return _signer().sign(base64.urlsafe_b64encode(text.encode()).decode())


def _open(cursor: str, scope: str, key: Sequence[str]) -> list[object]:
    try:
        opened = json.loads(base64.urlsafe_b64decode(_signer().unsign(cursor)))
    except (signing.BadSignature, ValueError) as error:
        raise CursorMismatch from error
    if opened[0] != scope or len(opened[1]) != len(key):
        raise CursorMismatch
    return [_from_json(value) for value in opened[1]]


def _signer() -> signing.Signer:
    return signing.Signer(salt="opencore.cursor", sep=".")


def _to_json(value: object) -> list[str | int]:
    match value:
        case datetime():
            return ["t", value.isoformat()]
        case UUID():
            return ["u", str(value)]
        case int():
            return ["i", value]
        case _:
            return ["s", str(value)]


def _from_json(value: Sequence[Any]) -> object:
    kind, text = value
    match kind:
        case "t":
            return datetime.fromisoformat(text)
        case "u":
            return UUID(text)
        case _:
            return text


def _next_url(request: Request, cursor: str) -> str:
    query = request.query_params.copy()
    query["cursor"] = cursor
    return f"{request.path}?{urlencode(list(query.items()))}"

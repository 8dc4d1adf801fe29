"""Versions of things: who has read an old one changes nothing (RFC 9110, 13)."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from opencore.errors import DomainError

F = TypeVar("F", bound=Callable[..., Any])


class PreconditionRequired(DomainError):
    """Say with If-Match which version is to be changed; its ETag came with it."""

    code: ClassVar[str] = "precondition_required"
    status: ClassVar[HTTPStatus] = HTTPStatus.PRECONDITION_REQUIRED


class PreconditionFailed(DomainError):
    """It was changed since it was read; read it again, then decide."""

    code: ClassVar[str] = "precondition_failed"
    status: ClassVar[HTTPStatus] = HTTPStatus.PRECONDITION_FAILED


# How operations say that they show a version, or change the one that is named.
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that you have; if it still is the latest, the answer is 304.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "minLength": 1},
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag of what is to be changed; 412 if it was changed meanwhile.",
)


def shows_version(operation: F) -> F:
    """Describe an operation that answers by answer_version."""
    described: F = extend_schema(parameters=[IF_NONE_MATCH])(operation)
    return described


def changes_version(operation: F) -> F:
    """Describe an operation that calls check_if_match."""
    described: F = extend_schema(parameters=[IF_MATCH])(operation)
    return described


def etag_of(thing_id: UUID, version: int) -> str:
    """Return the ETag of a version of a thing; weak, for spelling may differ."""
    return f'W/"{thing_id}-{version}"'


def answer_version(request: Request, data: object, *, etag: str) -> Response:
    """Return a version of a thing with its ETag, or 304 to who has it already."""
    if etag in _named(request, "If-None-Match"):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
    return Response(data, headers={"ETag": etag})


def check_if_match(request: Request, *, etag: str) -> None:
    """Refuse a change of another version than the one that the client has read.

    To be called with the row locked. Raises PreconditionRequired, PreconditionFailed.
    """
    if "If-Match" not in request.headers:
        raise PreconditionRequired
    # RFC 9110 wants strong ETags here; ours are weak but exact, so we compare weakly.
    named = _named(request, "If-Match")
    if etag not in named and named != ["*"]:
        raise PreconditionFailed


def _named(request: Request, header: str) -> list[str]:
    return [part.strip() for part in request.headers.get(header, "").split(",")]

"""Versions of things: who has read an old one changes nothing (RFC 9110, 13)."""

from http import HTTPStatus
from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from opencore.errors import DomainError


class PreconditionRequired(DomainError):
    """Say with If-Match which version is to be changed; its ETag came with it."""

    code: ClassVar[str] = "precondition_required"
    status: ClassVar[HTTPStatus] = HTTPStatus.PRECONDITION_REQUIRED


class PreconditionFailed(DomainError):
    """It was changed since it was read; read it again, then decide."""

    code: ClassVar[str] = "precondition_failed"
    status: ClassVar[HTTPStatus] = HTTPStatus.PRECONDITION_FAILED


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

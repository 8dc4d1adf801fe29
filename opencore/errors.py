"""Refusals that a client can mend, each with its code and its HTTP status."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Literal

Retryable = Literal["no", "yes", "same_idempotency_key"]


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one part of a request; the pointer is RFC 6901's."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """A refusal; the docstring of the class is what the client reads."""

    code: ClassVar[str]
    status: ClassVar[HTTPStatus] = HTTPStatus.BAD_REQUEST
    retryable: ClassVar[Retryable] = "no"
    headers: Mapping[str, str]
    errors: tuple[FieldProblem, ...]

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: tuple[FieldProblem, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.detail = detail or " ".join((type(self).__doc__ or "").split())
        self.errors = errors
        self.headers = headers or {}
        super().__init__(self.detail)


class NotFound(DomainError):
    """There is no such thing here."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND


class Forbidden(DomainError):
    """This is not yours to do."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN


class ReadOnly(DomainError):
    """Who acts as another person only looks; nothing can be changed."""

    code = "read_only_session"
    status = HTTPStatus.FORBIDDEN


class BodyTooLarge(DomainError):
    """The body is larger than is accepted here."""

    code = "payload_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class RateLimited(DomainError):
    """Too many requests of this kind came in too short a time."""

    code = "rate_limited"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retryable = "yes"


class ValidationFailed(DomainError):
    """The request is not acceptable; see errors."""

    code = "validation_error"
    status = HTTPStatus.BAD_REQUEST

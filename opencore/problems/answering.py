"""Turns what was raised into the answer that a client gets."""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    RawPostDataException,
    UnreadablePostError,
)
from rest_framework import exceptions

from opencore.context import current_request_id
from opencore.errors import DomainError, FieldProblem, Retryable
from opencore.problems.catalog import PROBLEMS
from opencore.problems.faults import Fault, fault_of
from opencore.problems.pointers import field_problems
from opencore.problems.problem import MEDIA_TYPE, Problem

log = logging.getLogger(__name__)

PAGES = ("/admin/",)

_BY_CLASS: tuple[tuple[type[BaseException], str], ...] = (
    (Http404, "not_found"),
    (PermissionDenied, "forbidden"),
    (RequestDataTooBig, "payload_too_large"),
    (TooManyFieldsSent, "bad_request"),
    (TooManyFilesSent, "bad_request"),
    (SuspiciousOperation, "bad_request"),
    (BadRequest, "bad_request"),
    (UnreadablePostError, "bad_request"),
    (RawPostDataException, "bad_request"),
    (exceptions.NotAuthenticated, "unauthenticated"),
    (exceptions.AuthenticationFailed, "token_invalid"),
    (exceptions.PermissionDenied, "forbidden"),
    (exceptions.NotFound, "not_found"),
    (exceptions.MethodNotAllowed, "method_not_allowed"),
    (exceptions.NotAcceptable, "not_acceptable"),
    (exceptions.UnsupportedMediaType, "unsupported_media_type"),
    (exceptions.ParseError, "malformed_request"),
    (exceptions.Throttled, "rate_limited"),
)
_BY_STATUS: dict[int, str] = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
}


def problem_of(error: BaseException, *, method: str) -> Problem:
    """Return the problem that an exception is to a client; unknown ones are a 500."""
    if isinstance(error, DomainError):
        return _of_refusal(error)
    if isinstance(error, exceptions.ValidationError):
        return named(
            "validation_error", errors=field_problems(error.get_full_details())
        )
    for kind, code in _BY_CLASS:
        if isinstance(error, kind):
            return named(code, headers=_headers_of(error))
    fault = fault_of(error, method=method)
    if fault is not None:
        return _of_fault(fault, method)
    return _internal_error(method)


def problem_of_status(status: int, *, method: str) -> Problem:
    """Return the problem that a bare status stands for."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _internal_error(method)
    return named(_BY_STATUS.get(status, "bad_request"))


def named(
    code: str,
    *,
    detail: str | None = None,
    errors: tuple[FieldProblem, ...] = (),
    headers: Mapping[str, str] | None = None,
    retryable: Retryable = "no",
    extensions: Mapping[str, str] | None = None,
) -> Problem:
    """Return the problem of a code that stands in the catalog."""
    kind = PROBLEMS[code]
    return Problem(
        code=code,
        status=kind.status,
        detail=detail or kind.meaning,
        errors=errors,
        headers=headers or {},
        retryable=retryable,
        extensions=extensions or {},
    )


def answer(error: BaseException, request: HttpRequest) -> HttpResponse:
    """Return the answer to a request that ended in an exception, and log what must be.

    It touches neither the database nor a template nor the session.
    """
    method = request.method or "GET"
    problem = problem_of(error, method=method)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log(error, request, problem)
    return problem_response(problem, request)


def problem_response(problem: Problem, request: HttpRequest) -> HttpResponse:
    """Return the problem as a page where people look at pages, as JSON elsewhere."""
    request_id = current_request_id() or ""
    if is_page(request):
        content, kind = problem.to_page(request_id=request_id), "text/html"
    else:
        content = problem.to_json(request_id=request_id, public_url=settings.PUBLIC_URL)
        kind = MEDIA_TYPE
    response = HttpResponse(content, status=problem.status, headers=problem.headers)
    response["Content-Type"] = kind
    response["Cache-Control"] = "no-store"
    return response


def is_page(request: HttpRequest) -> bool:
    """Tell whether the path belongs to pages that people look at."""
    return request.path_info.startswith(PAGES)


def _of_refusal(error: DomainError) -> Problem:
    return Problem(
        code=error.code,
        status=error.status,
        detail=error.detail,
        retryable=error.retryable,
        errors=error.errors,
        headers=error.headers,
    )


def _of_fault(fault: Fault, method: str) -> Problem:
    kind = PROBLEMS[fault.code]
    return Problem(
        code=fault.code,
        status=kind.status,
        detail=kind.meaning,
        retryable=fault.retryable(method),
        headers={"Retry-After": str(fault.retry_after())},
    )


def _internal_error(method: str) -> Problem:
    kind = PROBLEMS["internal_error"]
    safe = method in {"GET", "HEAD", "OPTIONS"}
    return Problem(
        code=kind.code,
        status=kind.status,
        detail=kind.meaning,
        retryable="yes" if safe else "same_idempotency_key",
    )


def _headers_of(error: BaseException) -> dict[str, str]:
    headers = {}
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        headers["WWW-Authenticate"] = getattr(error, "auth_header", "Bearer")
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def _log(error: BaseException, request: HttpRequest, problem: Problem) -> None:
    fields = {"problem": problem.code, "method": request.method, "path": request.path}
    if problem.code == "internal_error":
        log.error("request failed", exc_info=error, extra=fields)
    else:
        log.warning("request refused by a fault", extra={**fields, "error": str(error)})

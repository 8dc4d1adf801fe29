"""Operations that will go away: clients are told until then, and refused afterwards.

By RFC 9745 (Deprecation), RFC 8594 (Sunset) and a link to what to do instead.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast

from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import http_date
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from opencore.errors import DomainError

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., HttpResponseBase])


class Gone(DomainError):
    """This operation was announced to end, and has ended; see the link beside it."""

    code: ClassVar[str] = "gone"
    status: ClassVar[HTTPStatus] = HTTPStatus.GONE


def deprecated_operation(
    *, since: datetime, sunset: datetime, link: str
) -> Callable[[F], F]:
    """Announce the end of an operation with each answer; from the sunset on, 410.

    The date is a promise, so it holds by itself: the code can be removed any time later.
    """
    headers = {
        "Deprecation": f"@{int(since.timestamp())}",
        "Sunset": http_date(sunset.timestamp()),
        "Link": f'<{link}>; rel="deprecation"; type="text/html"',
    }

    def decorate(operation: F) -> F:
        @wraps(operation)
        def announced(
            view: Any,  # noqa: ANN401 -- any view
            request: Request,
            *args: Any,
            **kwargs: Any,
        ) -> HttpResponseBase:
            _note(request, sunset)
            try:
                if timezone.now() >= sunset:
                    raise Gone
                response = operation(view, request, *args, **kwargs)
            except DomainError as error:
                error.headers = {**error.headers, **headers}
                raise
            return _with(response, headers)

        return cast("F", extend_schema(deprecated=True)(announced))

    return decorate


def _note(request: Request, sunset: datetime) -> None:
    match = request.resolver_match
    log.info(
        "deprecated operation used",
        extra={
            "method": request.method,
            "route": match.route if match is not None else request.path,
            "user_id": str(getattr(request.user, "user_id", None) or ""),
            "key_id": str(getattr(request.user, "key_id", "")),
            "sunset": sunset.isoformat(),
        },
    )


def _with(response: HttpResponseBase, headers: Mapping[str, str]) -> HttpResponseBase:
    for name, value in headers.items():
        # A list has a link to its next page already.
        joined = name == "Link" and name in response
        response[name] = f"{response[name]}, {value}" if joined else value
    return response

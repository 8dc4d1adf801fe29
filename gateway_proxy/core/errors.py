"""What the gateway refuses, and what it says when an upstream fails."""

import random
from http import HTTPStatus
from typing import ClassVar, Self

from opencore.errors import DomainError, Retryable


class MalformedRequest(DomainError):
    """The request can be read in more than one way, so it is not forwarded."""

    code = "malformed_request"
    status = HTTPStatus.BAD_REQUEST


class RequestTimeout(DomainError):
    """Nothing more came of the request for ten seconds; send it anew."""

    code = "request_timeout"
    status = HTTPStatus.REQUEST_TIMEOUT


class MethodNotAllowed(DomainError):
    """This method is not forwarded."""

    code = "method_not_allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED


class WebSocketNotSupported(DomainError):
    """WebSockets are not spoken here; use requests or server-sent events."""

    code = "websocket_not_supported"
    status = HTTPStatus.NOT_IMPLEMENTED


class BridgeFull(DomainError):
    """Too many requests wait for a thread already."""

    code = "overloaded"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retryable = "yes"


class LengthRequired(DomainError):
    """Send the body with a Content-Length."""

    code = "length_required"
    status = HTTPStatus.LENGTH_REQUIRED


class TargetTooLong(DomainError):
    """The URL is longer than is accepted here."""

    code = "uri_too_long"
    status = HTTPStatus.REQUEST_URI_TOO_LONG


class HeadersTooLarge(DomainError):
    """The headers are larger, or more, than is accepted here."""

    code = "headers_too_large"
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class TokenRevoked(DomainError):
    """The session of this token has ended, or its key is no longer believed."""

    code = "session_revoked"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


class Unauthenticated(DomainError):
    """Sign in, and send the access token as a bearer token."""

    code = "unauthenticated"
    status = HTTPStatus.UNAUTHORIZED


class ApiKeyNotTaken(DomainError):
    """No API key is taken here; this is for people, or this gateway knows no keys."""

    code = "api_key_not_taken"
    status = HTTPStatus.FORBIDDEN


class UpstreamProblem(DomainError):
    """The service behind the gateway did not answer as it should."""

    base_wait: ClassVar[int] = 1

    @classmethod
    def to_be_retried(cls) -> Self:
        """Return the problem with a Retry-After that is spread, so that none herd."""
        wait = random.randint(cls.base_wait, 2 * cls.base_wait)  # noqa: S311 -- no secret
        return cls(headers={"Retry-After": str(wait)})


class UpstreamUnavailable(UpstreamProblem):
    """The service can't be reached; nothing was sent to it."""

    code = "upstream_unavailable"
    status = HTTPStatus.BAD_GATEWAY
    retryable: ClassVar[Retryable] = "yes"


class UpstreamFailed(UpstreamProblem):
    """The service was reached and broke off; it may have acted on the request."""

    code = "upstream_failed"
    status = HTTPStatus.BAD_GATEWAY
    retryable: ClassVar[Retryable] = "same_idempotency_key"


class UpstreamTimeout(UpstreamProblem):
    """The service did not answer in time; it may still act on the request."""

    code = "upstream_timeout"
    status = HTTPStatus.GATEWAY_TIMEOUT
    retryable: ClassVar[Retryable] = "same_idempotency_key"
    base_wait = 2


class CircuitOpen(DomainError):
    """The service failed too often and is left alone for a moment."""

    code = "circuit_open"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retryable = "yes"

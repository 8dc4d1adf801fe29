"""Every code that a problem can carry, and what a client should do about it."""

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What one code means."""

    code: str
    status: HTTPStatus
    meaning: str
    remedy: str


_GENERAL = (
    ProblemKind(
        "bad_request",
        HTTPStatus.BAD_REQUEST,
        "The request is not acceptable as HTTP, or to this host.",
        "Correct the request.",
    ),
    ProblemKind(
        "malformed_request",
        HTTPStatus.BAD_REQUEST,
        "The body is not JSON, or names a key twice, or the URL can be read two ways.",
        "Send well-formed JSON, to a path without dot segments or escaped slashes.",
    ),
    ProblemKind(
        "validation_error",
        HTTPStatus.BAD_REQUEST,
        "Some fields are missing, unknown or wrong.",
        "Correct what errors points to.",
    ),
    ProblemKind(
        "cursor_mismatch",
        HTTPStatus.BAD_REQUEST,
        "The cursor was not given out for this list.",
        "Start again without a cursor.",
    ),
    ProblemKind(
        "idempotency_key_required",
        HTTPStatus.BAD_REQUEST,
        "This request needs an Idempotency-Key header of 1 to 255 characters.",
        "Make up a key per intended effect and send it with each attempt.",
    ),
    ProblemKind(
        "unauthenticated",
        HTTPStatus.UNAUTHORIZED,
        "The request carries no access token.",
        "Sign in.",
    ),
    ProblemKind(
        "token_invalid",
        HTTPStatus.UNAUTHORIZED,
        "The token is not one of ours, or no longer.",
        "Sign in again.",
    ),
    ProblemKind(
        "token_expired",
        HTTPStatus.UNAUTHORIZED,
        "The token was good, but its time is over.",
        "Refresh it, or sign in again.",
    ),
    ProblemKind(
        "forbidden",
        HTTPStatus.FORBIDDEN,
        "This is not yours to do.",
        "Ask somebody who may.",
    ),
    ProblemKind(
        "csrf_failed",
        HTTPStatus.FORBIDDEN,
        "The form was not sent from a page of this site, or that page is too old.",
        "Load the page again and repeat.",
    ),
    ProblemKind(
        "not_found",
        HTTPStatus.NOT_FOUND,
        "There is no such thing here, or it is not yours to see.",
        "Check the path and the ids.",
    ),
    ProblemKind(
        "method_not_allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The path exists, but not for this method.",
        "Use one of the methods in Allow.",
    ),
    ProblemKind(
        "not_acceptable",
        HTTPStatus.NOT_ACCEPTABLE,
        "The answer can't be given in the media type that Accept asks for.",
        "Accept application/json.",
    ),
    ProblemKind(
        "conflict",
        HTTPStatus.CONFLICT,
        "The request contradicts what is stored.",
        "Read the current state and decide anew.",
    ),
    ProblemKind(
        "idempotency_in_progress",
        HTTPStatus.CONFLICT,
        "A request with this key is being worked on right now.",
        "Wait for Retry-After and send the same request again.",
    ),
    ProblemKind(
        "length_required",
        HTTPStatus.LENGTH_REQUIRED,
        "The body came without a Content-Length, which this server needs.",
        "Send the body with its length.",
    ),
    ProblemKind(
        "payload_too_large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is larger than one mebibyte.",
        "Send less at once.",
    ),
    ProblemKind(
        "uri_too_long",
        HTTPStatus.REQUEST_URI_TOO_LONG,
        "The URL is longer than eight kibibytes.",
        "Send less in the URL.",
    ),
    ProblemKind(
        "unsupported_media_type",
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is not announced as application/json.",
        "Send JSON and say so in Content-Type.",
    ),
    ProblemKind(
        "idempotency_mismatch",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "This key was used before, for another request.",
        "Use a new key for a new effect.",
    ),
    ProblemKind(
        "headers_too_large",
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The headers are larger than 32 kibibytes, or more than a hundred.",
        "Send fewer or shorter headers.",
    ),
    ProblemKind(
        "rate_limited",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many requests of this kind came in too short a time.",
        "Wait for Retry-After.",
    ),
)

_SERVER = (
    ProblemKind(
        "internal_error",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something unexpected went wrong on our side; it was logged.",
        "Tell the operators the request_id; repeat a write only with the same key.",
    ),
    ProblemKind(
        "database_unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database can't be reached; nothing was changed.",
        "Wait for Retry-After and repeat.",
    ),
    ProblemKind(
        "outcome_unknown",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database went away while the change was made: it is there, or it is not.",
        "Repeat with the same Idempotency-Key, or look before repeating.",
    ),
    ProblemKind(
        "database_timeout",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database took too long; nothing was changed.",
        "Wait for Retry-After and repeat, or ask for less.",
    ),
    ProblemKind(
        "lock_timeout",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Somebody else is changing the same thing and did not finish in time.",
        "Wait for Retry-After and repeat.",
    ),
    ProblemKind(
        "conflict_retry",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Several changes of the same thing collided repeatedly.",
        "Wait for Retry-After and repeat.",
    ),
    ProblemKind(
        "transaction_expired",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The change was begun but not finished in time, and was taken back.",
        "Repeat with the same Idempotency-Key.",
    ),
    ProblemKind(
        "read_only",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database takes no changes at the moment, as during a failover.",
        "Wait for Retry-After and repeat; reading works.",
    ),
    ProblemKind(
        "storage_full",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database has no room left for the change; reading works.",
        "Wait for Retry-After and repeat.",
    ),
    ProblemKind(
        "overloaded",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "More requests came than can be served at once; this one was not begun.",
        "Wait for Retry-After and repeat.",
    ),
    ProblemKind(
        "outbox_backlog",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too many events wait to be delivered, so no new ones are taken.",
        "Wait for Retry-After and repeat; reading works.",
    ),
    ProblemKind(
        "draining",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "This process is shutting down.",
        "Repeat at once; another process will answer.",
    ),
    ProblemKind(
        "not_ready",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "This process can't serve requests at the moment; reason says why.",
        "Nothing: it is said to the load balancer.",
    ),
    ProblemKind(
        "upstream_unavailable",
        HTTPStatus.BAD_GATEWAY,
        "The service behind the gateway can't be reached; it got nothing.",
        "Wait for Retry-After and repeat.",
    ),
    ProblemKind(
        "upstream_failed",
        HTTPStatus.BAD_GATEWAY,
        "The service behind the gateway broke off; what it did is unknown.",
        "Repeat with the same Idempotency-Key.",
    ),
    ProblemKind(
        "upstream_timeout",
        HTTPStatus.GATEWAY_TIMEOUT,
        "The service behind the gateway took too long; what it did is unknown.",
        "Repeat with the same Idempotency-Key.",
    ),
    ProblemKind(
        "circuit_open",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The service behind the gateway failed often, so it is left alone a while.",
        "Wait for Retry-After and repeat.",
    ),
)

_BILLING = (
    ProblemKind(
        "customer_pending",
        HTTPStatus.CONFLICT,
        "The account was created a moment ago; its billing customer is being opened.",
        "Wait for Retry-After and repeat.",
    ),
    ProblemKind(
        "already_subscribed",
        HTTPStatus.CONFLICT,
        "The customer has a live subscription to this plan.",
        "Use it, or wait for its end.",
    ),
    ProblemKind(
        "subscription_not_active",
        HTTPStatus.CONFLICT,
        "The subscription has expired already.",
        "Nothing: what was asked for is so.",
    ),
)

PROBLEMS: dict[str, ProblemKind] = {
    kind.code: kind for kind in (*_GENERAL, *_SERVER, *_BILLING)
}

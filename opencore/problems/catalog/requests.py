"""What can be wrong with a request."""

from http import HTTPStatus

from opencore.problems.catalog.kind import ProblemKind

OF_REQUESTS = (
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
        "request_timeout",
        HTTPStatus.REQUEST_TIMEOUT,
        "Nothing more came of the request for ten seconds.",
        "Connect again and send the request as a whole.",
    ),
    ProblemKind(
        "gone",
        HTTPStatus.GONE,
        "The operation was announced to end, and has ended.",
        "Read what the Link header points to: it says what to use instead.",
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
        "precondition_required",
        HTTPStatus.PRECONDITION_REQUIRED,
        "The change does not say which version it is meant for.",
        "Read the thing and send its ETag in If-Match.",
    ),
    ProblemKind(
        "precondition_failed",
        HTTPStatus.PRECONDITION_FAILED,
        "The thing was changed since it was read.",
        "Read it again, then decide whether the change is still wanted.",
    ),
    ProblemKind(
        "step_up_required",
        HTTPStatus.FORBIDDEN,
        "It is too long ago that you proved who you are.",
        "Ask POST /v1/auth/step-up for a code, tell it, and repeat with the new token.",
    ),
    ProblemKind(
        "read_only_session",
        HTTPStatus.FORBIDDEN,
        "Who acts as another person only looks; nothing can be changed.",
        "Let the person themselves do it.",
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
        "websocket_not_supported",
        HTTPStatus.NOT_IMPLEMENTED,
        "WebSockets are not spoken here.",
        "Use requests, or server-sent events.",
    ),
    ProblemKind(
        "rate_limited",
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too many requests of this kind came in too short a time.",
        "Wait for Retry-After.",
    ),
)

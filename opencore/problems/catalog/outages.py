"""What can be wrong with OpenCore and the services it stands on."""

from http import HTTPStatus

from opencore.problems.catalog.kind import ProblemKind

OF_OUTAGES = (
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

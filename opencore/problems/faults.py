"""What each fault of PostgreSQL means to a client."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import psycopg
from django.db.utils import DatabaseError, InterfaceError, OperationalError
from psycopg_pool import PoolTimeout, TooManyRequests

from opencore.errors import Retryable
from opencore.postgresql.errors import (
    CommitOutcomeUnknown,
    DatabaseUnreachable,
    QueryDeadline,
)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
Advice = Literal["yes", "same_idempotency_key", "by_method"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault's code, how long to stay away, and whether repeating is safe."""

    code: str
    wait: int
    advice: Advice = "yes"

    def retryable(self, method: str) -> Retryable:
        """Return how a request of this method may be repeated."""
        if self.advice != "by_method":
            return self.advice
        return "yes" if method in SAFE_METHODS else "same_idempotency_key"

    def retry_after(self) -> int:
        """Return whole seconds between the wait and its double, so none herd."""
        return random.randint(self.wait, 2 * self.wait)  # noqa: S311 -- not a secret


UNAVAILABLE = Fault("database_unavailable", 2, "by_method")
OUTCOME_UNKNOWN = Fault("outcome_unknown", 2, "same_idempotency_key")
OVERLOADED = Fault("overloaded", 1)
TIMEOUT = Fault("database_timeout", 2)

_BY_STATE: dict[str, Fault] = {
    "57014": TIMEOUT,
    "55P03": Fault("lock_timeout", 1),
    "40001": Fault("conflict_retry", 1),
    "40P01": Fault("conflict_retry", 1),
    "25P03": Fault("transaction_expired", 1, "same_idempotency_key"),
    "25P04": Fault("transaction_expired", 1, "same_idempotency_key"),
    "25006": Fault("read_only", 5),
    "53100": Fault("storage_full", 30),
    "53200": Fault("storage_full", 30),
    "53300": UNAVAILABLE,
    "57P01": UNAVAILABLE,
    "57P02": UNAVAILABLE,
    "57P03": UNAVAILABLE,
    "57P05": UNAVAILABLE,
}


def fault_of(error: BaseException, *, method: str) -> Fault | None:
    """Return what a database error means, or None if it is a bug and no fault."""
    if not isinstance(error, DatabaseError | InterfaceError | psycopg.Error):
        return None
    chain = list(_causes(error))
    if any(isinstance(cause, CommitOutcomeUnknown) for cause in chain):
        return OUTCOME_UNKNOWN
    if any(isinstance(cause, QueryDeadline) for cause in chain):
        return TIMEOUT if method in SAFE_METHODS else OUTCOME_UNKNOWN
    for cause in chain:
        found = _BY_STATE.get(getattr(cause, "sqlstate", None) or "")
        if found is not None:
            return found
    return _without_state(chain)


def _without_state(chain: list[BaseException]) -> Fault | None:
    if any(isinstance(cause, DatabaseUnreachable) for cause in chain):
        return UNAVAILABLE
    if any(isinstance(cause, PoolTimeout | TooManyRequests) for cause in chain):
        return OVERLOADED
    if any(_lost_connection(cause) for cause in chain):
        return UNAVAILABLE
    return None


def _lost_connection(error: BaseException) -> bool:
    # libpq reports a connection that was refused, cut or never made without a state,
    # and Django a use of it afterwards as InterfaceError.
    if isinstance(error, InterfaceError | psycopg.InterfaceError):
        return True
    state = getattr(error, "sqlstate", None)
    if isinstance(error, psycopg.OperationalError):
        return state is None or state.startswith("08")
    return isinstance(error, OperationalError) and error.__cause__ is None


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__

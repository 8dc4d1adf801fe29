"""Every code that a problem can carry, and what a client should do about it."""

from opencore.problems.catalog.kind import ProblemKind
from opencore.problems.catalog.operating import OF_OPERATING
from opencore.problems.catalog.outages import OF_OUTAGES
from opencore.problems.catalog.refusals import (
    OF_ACCOUNTS,
    OF_BILLING,
    OF_ORGANIZATIONS,
)
from opencore.problems.catalog.requests import OF_REQUESTS

PROBLEMS: dict[str, ProblemKind] = {
    kind.code: kind
    for kind in (
        *OF_REQUESTS,
        *OF_OUTAGES,
        *OF_OPERATING,
        *OF_ACCOUNTS,
        *OF_ORGANIZATIONS,
        *OF_BILLING,
    )
}

__all__ = ("PROBLEMS", "ProblemKind")

"""Runs a whole transaction again when Postgres had to choose between two."""

import random
import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import connection
from django.db.utils import OperationalError

P = ParamSpec("P")
R = TypeVar("R")
ATTEMPTS = 3
LONGEST_PAUSE = 0.1
CONFLICTS = frozenset({"40001", "40P01"})


def retrying_conflicts(transaction: Callable[P, R]) -> Callable[P, R]:
    """Run the transaction up to three times if it loses to another one.

    It must be safe to repeat as a whole. Inside another transaction it runs once: what
    was lost there is that other one, so only its owner can repeat it.
    """

    @wraps(transaction)
    def retried(*args: P.args, **kwargs: P.kwargs) -> R:
        for _ in range(ATTEMPTS - 1):
            try:
                return transaction(*args, **kwargs)
            except OperationalError as error:
                if connection.in_atomic_block or not _is_conflict(error):
                    raise
            time.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311 -- not a secret
        return transaction(*args, **kwargs)

    return retried


def _is_conflict(error: OperationalError) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in CONFLICTS

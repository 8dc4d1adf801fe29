"""A PostgreSQL connection that never waits for ever."""

from typing import TypeVar

import psycopg
from psycopg.abc import PQGen

from opencore.postgresql.errors import QueryDeadline

Result = TypeVar("Result")


class DeadlineConnection(psycopg.Connection[tuple[object, ...]]):
    """A connection that gives up when an answer takes longer than its deadline.

    No time-out of TCP or of the server frees a client whose server hangs while its
    kernel still acknowledges; only the client's own deadline does.
    """

    deadline: float = 4.0
    # Whether the session was ever told whose rows it may touch, and is still.
    confined: bool = False

    def wait(
        self,
        gen: PQGen[Result],
        interval: float = 0.1,
        timeout: float | None = None,
    ) -> Result:
        """Wait for an answer, for the deadline unless the caller names another."""
        limit = self.deadline if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.errors._WaitTimeout as error:
            if timeout is not None:
                raise
            # The answer may still come; nobody may read it as another query's.
            self.pgconn.finish()
            raise QueryDeadline(
                f"PostgreSQL gave no answer within {limit:g} s."
            ) from error

"""Statements that PostgreSQL parses and plans once in a connection."""

from typing import Any, Self

import psycopg

# psycopg counts how often it says a statement, and prepares what comes so often. What
# is worth it is known here: the same words every time, and no plan better than others.
ONLY_WHEN_ASKED = 2**31


class PreparedCursor(psycopg.Cursor[tuple[Any, ...]]):
    """Says each statement as one that stays, and reads what is answered in binary."""

    def execute(self, query: Any, params: Any = None, **_: Any) -> Self:  # noqa: ANN401 -- the signature is psycopg's
        """Run the statement, prepared the first time."""
        return super().execute(query, params, prepare=True, binary=True)

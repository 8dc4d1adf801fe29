"""How somebody with the database's superuser would change the record."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import connection


@contextmanager
def no_triggers() -> Iterator[None]:
    """Let the tables that only grow be changed, as a superuser can."""
    with connection.cursor() as cursor:
        cursor.execute("set local session_replication_role = replica")
        yield
        cursor.execute("set local session_replication_role = origin")


def tamper(statement: str, *values: int | UUID) -> int:
    """Run the statement past all triggers; return how many rows it changed."""
    with no_triggers(), connection.cursor() as cursor:
        cursor.execute(statement, list(values))
        return int(cursor.rowcount)


def change_entry(seq: int, assignment: str) -> int:
    """Change a column of an entry."""
    return tamper(
        f"update accounts_auditentry set {assignment} where seq = %s",  # noqa: S608 -- a test's own
        seq,
    )


def change_seal(seq: int, assignment: str) -> int:
    """Change a column of an entry's seal."""
    return tamper(
        f"update accounts_auditseal set {assignment} where entry_id = %s",  # noqa: S608 -- a test's own
        seq,
    )


def delete_with_seal(seq: int) -> None:
    """Delete an entry and its seal."""
    tamper("delete from accounts_auditentry where seq = %s", seq)
    tamper("delete from accounts_auditseal where entry_id = %s", seq)

"""Asks how PostgreSQL is, apart from the connections that serve requests."""

import time
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.utils import OperationalError

from opencore.postgresql.deadline import DeadlineConnection


class DatabaseAbsent(RuntimeError):
    """PostgreSQL could not be reached within the time there was."""


def ask_database(
    *, deadline: float, question: LiteralString = "select 1"
) -> tuple[Any, ...] | None:
    """Connect, ask for one row, and hang up; raises psycopg.Error if that fails."""
    params = {**connection.get_connection_params(), "connect_timeout": 2}
    with DeadlineConnection.connect(**params, autocommit=True) as asking:
        asking.deadline = deadline
        return asking.execute(question).fetchone()


def wait_for_database(*, limit: float, say: Callable[[str], None]) -> None:
    """Return once PostgreSQL answers; raises DatabaseAbsent after so many seconds."""
    began = time.monotonic()
    while True:
        asked = time.monotonic()
        try:
            ask_database(deadline=1.0)
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
        else:
            return
        waited = time.monotonic() - began
        if waited >= limit:
            raise DatabaseAbsent(
                f"PostgreSQL did not answer within {limit:g} s: {reason}"
            )
        say(f"Waiting for PostgreSQL ({waited:.0f} of {limit:g} s): {reason}")
        time.sleep(max(0.0, 1.0 - (time.monotonic() - asked)))


def unapplied_migrations() -> list[str]:
    """Return the names of migrations that the code has and the database has not.

    One in the middle counts, too, which a later one that is applied would hide from
    the plan of `migrate`.
    """
    try:
        loader = MigrationLoader(connection)
    finally:
        _let_go()
    missing = set(loader.graph.nodes) - set(loader.applied_migrations)
    return [f"{app}.{name}" for app, name in sorted(missing)]


def _let_go() -> None:
    if not connection.in_atomic_block:
        try:
            connection.close()
        except OperationalError:
            connection.connection = None

"""Tells PostgreSQL whose rows the statements of a connection may touch.

Requests to the API run as a role to which row-level security applies, with settings
that its policies read. Who is not confined runs as the login role, which owns the
tables and passes by the policies.
"""

from typing import Any

import psycopg
from django.conf import settings
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper
from psycopg import sql
from psycopg.pq import TransactionStatus

from opencore.postgresql.deadline import DeadlineConnection
from opencore.tenancy import Tenancy, current_tenancy

# Not by set_config in a query: SET TRANSACTION must come before the first of them.
APPLY = """
set role {role}; set opencore."user" = '{user}'; set opencore.org = '{org}';
set opencore.key = {key}; set opencore.link = '{link}'
"""
LEAVE = APPLY.format(role="none", user="", org="", key="''", link="")


class InDoubt:
    """What applies to a session when a transaction may have taken it back."""


IN_DOUBT = InDoubt()


class Applied:
    """What was last said to the session of a connection, and what it must hear now."""

    def __init__(self) -> None:
        self._said: Tenancy | InDoubt | None = None
        self._ever = False

    def keep_up(self, connection: "psycopg.Connection[Any]") -> None:
        """Say whose rows may be touched, unless the session knows."""
        wanted = current_tenancy()
        if wanted is self._said or wanted == self._said:
            return
        if is_aborted(connection):
            # Nothing is heard before the rollback, nor is anything else done.
            return
        self._said = IN_DOUBT
        if wanted is not None:
            self._ever = True
            if isinstance(connection, DeadlineConnection):
                # The pool lets the session out before anybody gets it next.
                connection.confined = True
        say(connection, wanted)
        self._said = wanted

    def doubt(self) -> None:
        """Say it again before the next statement: a rollback takes settings back."""
        if self._ever:
            self._said = IN_DOUBT


def say(connection: "psycopg.Connection[Any]", tenancy: Tenancy | None) -> None:
    """Confine the session to a tenancy, or let it out, in one round trip."""
    words = LEAVE if tenancy is None else _words(connection, tenancy)
    psycopg.Cursor(connection).execute(words.encode())


def is_aborted(connection: "psycopg.Connection[Any]") -> bool:
    """Tell whether a transaction can do nothing any more but be rolled back."""
    return connection.info.transaction_status == TransactionStatus.INERROR


class ConfinedCursor(CursorWrapper):
    """Runs no statement before the session knows whose rows it may touch."""

    def _execute(self, *args: Any) -> Any:  # noqa: ANN401 -- the signature is Django's
        self.db.confine()
        return super()._execute(*args)  # type: ignore[misc]  # -- django-stubs leaves it out

    def _executemany(self, *args: Any) -> Any:  # noqa: ANN401 -- the signature is Django's
        self.db.confine()
        return super()._executemany(*args)  # type: ignore[misc]  # -- django-stubs leaves it out


class ConfinedDebugCursor(ConfinedCursor, CursorDebugWrapper):
    """The same, that remembers its statements."""


def _words(connection: "psycopg.Connection[Any]", tenancy: Tenancy) -> str:
    user, org = tenancy.user_id, tenancy.organization_id
    return APPLY.format(
        role=settings.DATABASE_API_ROLE,
        user="" if user is None else user,
        org="" if org is None else org,
        # Of all these, only the key is a text that somebody else wrote.
        key=sql.quote(tenancy.key.replace("\x00", ""), connection),
        link=",".join(link.hex() for link in tenancy.links),
    )

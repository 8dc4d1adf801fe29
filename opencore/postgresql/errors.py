"""What can happen to a transaction that Django has no name for."""

import psycopg
from django.db.utils import OperationalError


class CommitOutcomeUnknown(OperationalError):
    """The connection was lost during COMMIT: the change is there, or it is not."""


class QueryDeadline(psycopg.OperationalError):
    """PostgreSQL gave no answer in time; the connection was given up."""


class DatabaseUnreachable(psycopg.OperationalError):
    """The pool has no connection to give because PostgreSQL accepts none."""

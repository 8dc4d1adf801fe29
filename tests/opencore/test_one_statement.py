"""A statement that is a transaction of its own: committed when it is answered."""

from typing import cast

import pytest
from django.db import OperationalError, connection, connections, transaction

from opencore.postgresql.base import DatabaseWrapper
from opencore.postgresql.errors import CommitOutcomeUnknown

pytestmark = pytest.mark.django_db(transaction=True)


def wrapper() -> DatabaseWrapper:
    return cast("DatabaseWrapper", connections["default"])


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_begins_no_transaction() -> None:
    with wrapper().one_statement(), connection.cursor() as cursor:
        cursor.execute("select now() = statement_timestamp()")
        assert cursor.fetchone() == (True,)
        assert not connection.in_atomic_block


def test_within_a_transaction_it_is_refused() -> None:
    with (
        pytest.raises(RuntimeError, match="durable"),
        transaction.atomic(),
        wrapper().one_statement(),
    ):
        run("select 1")


def test_a_connection_that_is_lost_leaves_the_outcome_unknown() -> None:
    with pytest.raises(CommitOutcomeUnknown), wrapper().one_statement():
        run("select pg_terminate_backend(pg_backend_pid())")


def test_what_the_database_refuses_was_not_done() -> None:
    with pytest.raises(OperationalError) as refused, wrapper().one_statement():
        run("set local statement_timeout = 1; select pg_sleep(5)")

    assert not isinstance(refused.value, CommitOutcomeUnknown)

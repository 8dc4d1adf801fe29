"""Statements that are said often are parsed once, and run as all others do."""

from typing import cast
from uuid import UUID, uuid4

import pytest
from django.db import (
    DatabaseError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from opencore.postgresql.base import DatabaseWrapper
from opencore.tenancy import confined, enter_user

pytestmark = pytest.mark.django_db(transaction=True)

ADD = "select %(number)s::int + 1"
WHO = "select current_user = session_user, opencore_user()"
ADA, GRACE = uuid4(), uuid4()


def wrapper() -> DatabaseWrapper:
    return cast("DatabaseWrapper", connections["default"])


def add(number: int) -> int:
    with wrapper().prepared() as cursor:
        cursor.execute(ADD, {"number": number})
        (found,) = cursor.fetchone()
    return int(found)


def who() -> tuple[bool, UUID | None]:
    with wrapper().prepared() as cursor:
        cursor.execute(WHO)
        free, user = cursor.fetchone()
    return free, user


def prepared() -> list[str]:
    """Return what PostgreSQL has parsed for the connection, and holds."""
    with connection.cursor() as cursor:
        cursor.execute("select statement from pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


def test_what_is_said_twice_is_parsed_once() -> None:
    assert [add(1), add(2)] == [2, 3]
    assert prepared().count("select $1::int + 1") == 1


def test_it_is_there_for_the_next_request_too() -> None:
    add(1)
    connection.close()

    assert add(2) == 3
    assert prepared().count("select $1::int + 1") == 1


def test_what_is_not_asked_for_is_never_prepared() -> None:
    for number in range(10):
        with connection.cursor() as cursor:
            cursor.execute("select %s::int - 1", [number])

    assert not [statement for statement in prepared() if "- 1" in statement]


def test_each_is_run_as_who_asks() -> None:
    assert who() == (True, None)
    for person in (ADA, GRACE):
        with confined():
            enter_user(person)
            assert who() == (False, person)

    assert who() == (True, None)


def test_it_outlives_a_rollback_and_a_lost_connection() -> None:
    with transaction.atomic():
        add(1)
        transaction.set_rollback(True)
    assert add(2) == 3

    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(pg_backend_pid())")
    connection.close()
    assert add(3) == 4


def test_what_the_database_refuses_is_an_error_of_django() -> None:
    with pytest.raises(DatabaseError), wrapper().prepared() as cursor:
        cursor.execute("select 1 / %(number)s::int", {"number": 0})

    assert add(1) == 2


def test_it_is_counted_as_all_others_are() -> None:
    with CaptureQueriesContext(connection) as queries:
        add(1)

    assert len(queries) == 1

"""Where the login role may make no roles, migrations say what an administrator runs."""

import re
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.db import ProgrammingError, connection, transaction

MAKE = import_module(
    "opencore.migrations.0003_let_requests_run_as_a_role_of_their_own"
).MAKE.format(role="opencore_missing")

pytestmark = pytest.mark.django_db


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, None)


@pytest.fixture
def login() -> Iterator[str]:
    """The login role of a managed PostgreSQL; it vanishes with the test."""
    run('create role "opencore Login" nocreaterole')
    run('set local session authorization "opencore Login"')
    yield '"opencore Login"'
    run("reset session authorization")


def refusal() -> str:
    """Return what the migration says when it fails."""
    with pytest.raises(ProgrammingError) as refused, transaction.atomic():
        run(MAKE)
    assert getattr(refused.value.__cause__, "sqlstate", None) == "42501"
    return str(refused.value).splitlines()[0]


def as_administrator(sql: str) -> None:
    """Run what only an administrator may, and be the login role again."""
    run("reset session authorization")
    run(sql)
    run('set local session authorization "opencore Login"')


def test_it_names_who_may_not_and_what_to_run(login: str) -> None:
    assert refusal() == (
        "opencore Login may not make the role opencore_missing, as which requests run."
        " Let an administrator run: CREATE ROLE opencore_missing NOLOGIN;"
        f" GRANT opencore_missing TO {login}; then migrate again"
    )


def test_when_that_was_run_the_migration_goes_on(login: str) -> None:
    said = re.search(r"run: (.*;) then migrate again", refusal())
    assert said is not None

    as_administrator(said[1])

    run(MAKE)
    run("set role opencore_missing")
    run("reset role")


def test_a_role_that_is_not_granted_is_said_in_the_same_words(login: str) -> None:
    as_administrator("create role opencore_missing nologin")

    assert f"GRANT opencore_missing TO {login};" in refusal()


def test_who_may_make_roles_makes_it(login: str) -> None:
    as_administrator(f"alter role {login} createrole")

    run(MAKE)
    run(MAKE)

    run("set role opencore_missing")
    run("reset role")

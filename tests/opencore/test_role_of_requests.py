"""Nobody serves while row-level security would not hold what requests do."""

from collections.abc import Iterator

import pytest
from django.core.checks import run_checks
from django.db import connection
from pytest_django import Settings

from opencore.boot import BootRefused, refuse_unguarded_role
from opencore.checks import TAG
from opencore.postgresql.role import faults_of_role

pytestmark = pytest.mark.django_db


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def role(settings: Settings) -> str:
    """A role that a test may spoil; it vanishes with the test's transaction."""
    settings.DATABASE_API_ROLE = "opencore_spoiled"
    run("create role opencore_spoiled nologin")
    run("grant usage on schema public to opencore_spoiled")
    return "opencore_spoiled"


@pytest.fixture
def login(role: str) -> Iterator[str]:
    """A login role that is no superuser, as deployments have it."""
    run("create role opencore_login")
    run("grant opencore_spoiled to opencore_login")
    run("set local session authorization opencore_login")
    yield "opencore_login"
    run("reset session authorization")


def test_the_role_of_the_migrations_is_good() -> None:
    assert faults_of_role() == []


def test_a_role_that_can_do_nothing_else_is_good(login: str) -> None:
    assert faults_of_role() == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("alter role opencore_spoiled bypassrls", "has BYPASSRLS"),
        (
            "revoke usage on schema public from public, opencore_spoiled;"
            " grant usage on schema public to opencore_login",
            "may not use the schema",
        ),
        ("alter table billing_payment owner to opencore_spoiled", "owns tables"),
        ("revoke opencore_spoiled from opencore_login", "can't be taken"),
    ],
)
def test_a_role_that_would_not_be_held_is_named(
    login: str, spoil: str, said: str
) -> None:
    run("reset session authorization")
    run(spoil)
    run("set local session authorization opencore_login")

    (fault,) = faults_of_role()

    assert said in fault


def test_a_superuser_is_not_held(role: str) -> None:
    run("alter role opencore_spoiled superuser")

    assert "is a superuser" in faults_of_role()[0]


def test_a_role_that_is_not_there_keeps_the_system_from_serving(
    settings: Settings,
) -> None:
    settings.DATABASE_API_ROLE = "opencore_nobody"

    with pytest.raises(BootRefused, match="opencore_nobody"):
        refuse_unguarded_role()


def test_the_check_of_a_deployment_says_it_where_there_is_a_database(
    settings: Settings,
) -> None:
    settings.DATABASE_API_ROLE = "opencore_nobody"

    found = run_checks(
        tags=[TAG], include_deployment_checks=True, databases=["default"]
    )

    assert "opencore.E010" in {message.id for message in found}

"""What every test shares."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.utils import CursorWrapper
from django.test import TransactionTestCase

# Seconds; PostgreSQL writes all of a database to disk before it copies or drops it.
PATIENCE = 60


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> Iterator[None]:
    """Let a database be made and dropped in the time that its disk needs."""
    hurried = DatabaseCreation._nodb_cursor  # type: ignore[attr-defined]  # -- private, and all there is

    @contextmanager
    def patient(self: DatabaseCreation) -> Iterator[CursorWrapper]:
        with hurried(self) as cursor:
            cursor.connection.deadline = PATIENCE
            cursor.execute("set statement_timeout = %s", [f"{PATIENCE}s"])
            yield cursor

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseCreation, "_nodb_cursor", patient)
        yield


@pytest.fixture(autouse=True)
def _no_connection_is_inherited(request: pytest.FixtureRequest) -> None:
    """Let a test that may not use the database begin without a connection to it."""
    asked_for = {"db", "transactional_db"} & set(request.fixturenames)
    if not asked_for and request.node.get_closest_marker("django_db") is None:
        connections.close_all()


@pytest.fixture(scope="session", autouse=True)
def _empty_tables_past_their_triggers() -> Iterator[None]:
    """Let the end of a test empty even the tables that refuse to be emptied."""
    teardown = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # -- private, and all there is

    def teardown_without_triggers(self: TransactionTestCase) -> None:
        # A test may have broken its connection on purpose.
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")
        try:
            teardown(self)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("set session_replication_role = origin")
            connection.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            TransactionTestCase, "_fixture_teardown", teardown_without_triggers
        )
        yield

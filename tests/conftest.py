"""What every test shares."""

from collections.abc import Iterator

import pytest
from django.db import connection, connections
from django.test import TransactionTestCase


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

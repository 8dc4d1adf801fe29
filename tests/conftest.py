"""What every test shares."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import TransactionTestCase


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

"""Who fuzzes sees each connection that does not come back, and keeps none itself."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from werkzeug.test import Client

from tests.contract.fuzzing import Application, as_served
from tests.lending import Lending

pytestmark = pytest.mark.django_db(transaction=True)


def give_back(taken: Any) -> None:  # noqa: ANN401 -- a connection of the pool's
    taken._pool.putconn(taken)


def in_a_thread(deed: Callable[[], object]) -> None:
    thread = Thread(target=deed)
    thread.start()
    thread.join()


def ask_for_a_code(application: Application) -> None:
    """Ask for what needs the database, and read the answer without closing it."""
    client = Client(application)
    response = client.post("/v1/auth/otp", json={"email": "ada@example.com"})
    assert response.status_code == 202
    assert response.get_data()


def test_a_request_gives_its_connection_back() -> None:
    lending = Lending()

    with lending.watched():
        in_a_thread(lambda: ask_for_a_code(as_served(lending, seed=1)))

    assert lending.kept() == []


def test_who_ends_with_a_connection_is_named() -> None:
    lending = Lending()
    taken: list[Any] = []

    def keep() -> None:
        with lending.named("GET /v1/sieve"):
            connection.ensure_connection()
        taken.append(connection.connection)

    with lending.watched():
        in_a_thread(keep)
        kept = lending.kept()
        give_back(taken.pop())

    assert kept == ["GET /v1/sieve"]
    assert lending.kept() == []

"""A PostgreSQL that a test may spoil: other sessions, other addresses, bad lines."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import psycopg
import pytest
from django.conf import settings
from django.db import close_old_connections, connection, connections
from django.http.response import HttpResponseBase
from django.test import Client
from psycopg import sql
from rest_framework.request import Request

from opencore.postgresql.base import DatabaseWrapper
from opencore.postgresql.pool import WatchedPool
from tests.opencore.tcp_line import TcpLine
from tests.opencore.urls import Deed

REQUEST_ID = "test-of-core-1"
Ask = Callable[..., HttpResponseBase]
DatabaseAt = Callable[..., None]
Session = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def ask() -> Ask:
    """Return a function that lets the API do a deed and returns the answer."""

    def ask(
        deed: Callable[[], object], method: str = "POST", **headers: str
    ) -> HttpResponseBase:
        def ignoring_request(_request: Request) -> object:
            return deed()

        Deed.deed = ignoring_request
        # A server does so before each request, a test's client leaves it out.
        close_old_connections()
        return Client().generic(
            method,
            "/v1/deed",
            content_type="application/json",
            headers={"X-Request-Id": REQUEST_ID, **headers},
        )

    return ask


def open_session() -> Session:
    """Return a session of its own on the test's database."""
    return psycopg.connect(**connection.get_connection_params(), autocommit=True)


@pytest.fixture
def other(transactional_db: None) -> Iterator[Session]:
    """Somebody else's session."""
    with open_session() as session:
        yield session


@pytest.fixture
def shelf(transactional_db: None) -> Iterator[None]:
    """A table with a rule of each kind, and the rows 1 and 2."""
    with open_session() as session:
        session.execute("drop table if exists shelf")
        session.execute(
            "create table shelf (id int primary key,"
            " beside int constraint shelf_beside_a_row references shelf,"
            " amount int default 0 constraint shelf_never_owes check (amount >= 0))"
        )
        session.execute("insert into shelf values (1), (2)")
        session.execute(
            sql.SQL("grant all on shelf to {}").format(
                sql.Identifier(settings.DATABASE_API_ROLE)
            )
        )
        yield
        # A session that a test left open may hold a lock.
        connection.close()
        session.execute("drop table shelf cascade")


@pytest.fixture
def database_at(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DatabaseAt]:
    """Return a function that leads Django's connections elsewhere, by a new pool."""
    settings = connection.settings_dict
    before = dict(settings)

    def database_at(*, pool: dict[str, object] | None = None, **changes: str) -> None:
        _close_pool()
        options = {**before["OPTIONS"]}
        options["pool"] = {**options["pool"], **(pool or {})}
        settings.update({**before, "OPTIONS": options, **changes})

    yield database_at
    _close_pool()
    settings.update(before)


def current_pool() -> WatchedPool:
    """Return the pool that this process's connections come from."""
    pool = cast("DatabaseWrapper", connections["default"]).pool
    assert pool is not None
    return pool


def _close_pool() -> None:
    connection.close()
    cast("DatabaseWrapper", connections["default"]).close_pool()


@pytest.fixture
def line(database_at: DatabaseAt) -> Iterator[TcpLine]:
    """A line between Django and PostgreSQL that a test may spoil."""
    with open_session() as session:
        line = TcpLine(session.info.host, session.info.port)
    database_at(HOST="127.0.0.1", PORT=str(line.port))
    yield line
    line.close()

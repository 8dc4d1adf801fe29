"""What a request may touch is said to its session, and to nobody else's."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import cast
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory, TransactionTestCase
from pytest_django import Settings

from opencore.middleware import TenancyMiddleware
from opencore.models import IdempotencyKey
from opencore.postgresql import pool as pools
from opencore.postgresql.base import DatabaseWrapper
from opencore.postgresql.deadline import DeadlineConnection
from opencore.postgresql.pool import WatchedPool
from opencore.tenancy import (
    Tenancy,
    confined,
    current_tenancy,
    enter_organization,
    enter_user,
    show_key,
    show_links,
    unconfined,
)

ADA, GRACE, ACME = uuid4(), uuid4(), uuid4()
WHO = """
select current_user = session_user, opencore_user(), opencore_org(), opencore_key(),
    opencore_links()
"""


pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module", autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Spare the tests here the emptying of all tables: none writes a row."""

    def let_go(_: TransactionTestCase) -> None:
        connection.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", let_go)
        yield


Heard = tuple[bool, UUID | None, UUID | None]


def heard() -> Heard:
    """Return what the session knows: whether it is free, the person, the organization."""
    with connection.cursor() as cursor:
        cursor.execute(WHO)
        row = cursor.fetchone()
    return row[0], row[1], row[2]


FREE: Heard = (True, None, None)


def test_who_is_not_confined_is_the_login_role() -> None:
    assert heard() == FREE


def test_a_request_is_another_role_and_nobody_at_first() -> None:
    with confined():
        assert heard() == (False, None, None)

    assert heard() == FREE


def test_what_is_proved_is_heard_before_the_next_statement() -> None:
    with confined():
        enter_user(ADA)
        assert heard() == (False, ADA, None)

        enter_organization(ACME)
        assert heard() == (False, ADA, ACME)


def test_a_key_and_links_are_heard_as_they_are() -> None:
    with confined():
        show_key("it's \\ % %s")
        show_links([b"\x00\xff", b"one"])

        with connection.cursor() as cursor:
            cursor.execute(WHO)
            key, links = cursor.fetchone()[3:]

    assert (key, links) == ("it's \\ % %s", ["00ff", "6f6e65"])


def test_nothing_is_proved_outside_of_a_request() -> None:
    enter_user(ADA)

    assert current_tenancy() is None
    assert heard() == FREE


def test_the_system_itself_looks_past_it_and_then_no_more() -> None:
    with confined():
        enter_user(ADA)
        with unconfined():
            assert heard() == FREE

        assert heard() == (False, ADA, None)


def test_a_rollback_takes_nothing_back() -> None:
    with confined():
        enter_user(ADA)
        with transaction.atomic():
            enter_organization(ACME)
            assert heard() == (False, ADA, ACME)
            transaction.set_rollback(True)

        assert heard() == (False, ADA, ACME)


def test_a_rollback_after_a_request_does_not_bring_it_back() -> None:
    with transaction.atomic():
        with confined():
            enter_user(ADA)
            heard()
        assert heard() == FREE
        transaction.set_rollback(True)

    assert heard() == FREE


def test_a_rollback_to_a_savepoint_takes_nothing_back() -> None:
    with confined(), transaction.atomic():
        enter_user(ADA)
        with transaction.atomic():
            enter_user(GRACE)
            heard()
            transaction.set_rollback(True)

        assert heard() == (False, GRACE, None)


def fail() -> None:
    """Let PostgreSQL refuse a statement, which spoils a transaction."""
    with connection.cursor() as cursor:
        cursor.execute("select 1 / 0")


def fail_as_grace() -> None:
    """Let the same happen in a savepoint, where somebody else was recognized."""
    with transaction.atomic():
        enter_user(GRACE)
        fail()


def test_a_failure_in_a_savepoint_takes_nothing_back() -> None:
    with confined(), transaction.atomic():
        enter_user(ADA)
        heard()
        with pytest.raises(DatabaseError):
            fail_as_grace()

        assert heard() == (False, GRACE, None)


def test_a_commit_that_was_a_rollback_takes_nothing_back() -> None:
    with confined():
        enter_user(ADA)
        with transaction.atomic():
            enter_organization(ACME)
            with pytest.raises(DatabaseError):
                fail()

        assert heard() == (False, ADA, ACME)


def test_a_durable_transaction_and_single_statements_hear_it_alike() -> None:
    with confined():
        enter_user(ADA)
        with transaction.atomic(durable=True):
            assert heard() == (False, ADA, None)

        assert heard() == (False, ADA, None)


def test_a_cursor_that_was_opened_before_hears_it() -> None:
    with connection.cursor() as cursor, confined():
        enter_user(ADA)
        cursor.execute(WHO)

        assert cursor.fetchone()[:2] == (False, ADA)


def test_rows_that_come_in_pieces_come_to_the_role() -> None:
    with confined():
        enter_user(ADA)
        with transaction.atomic(), connection.chunked_cursor() as cursor:
            cursor.execute(WHO)
            assert cursor.fetchone()[:2] == (False, ADA)


def test_statements_for_many_rows_run_as_the_role() -> None:
    with (
        confined(),
        connection.cursor() as cursor,
        pytest.raises(DatabaseError, match="permission denied"),
    ):
        cursor.executemany(
            "delete from django_session where session_key = %s", [("a",)]
        )


def test_a_connection_that_broke_is_replaced_by_one_that_hears_it() -> None:
    with confined():
        enter_user(ADA)
        heard()
        connection.connection.close()
        with pytest.raises(DatabaseError):
            heard()
        connection.close()

        assert heard() == (False, ADA, None)


@pytest.fixture
def pool() -> WatchedPool:
    pool = cast("DatabaseWrapper", connection).pool
    assert pool is not None
    return pool


@contextmanager
def all_of(pool: WatchedPool) -> Iterator[list[DeadlineConnection]]:
    """Take as many connections out of a pool as lie idle in it."""
    idle = pool.get_stats()["pool_available"]
    with ExitStack() as stack:
        yield [stack.enter_context(pool.connection(20)) for _ in range(idle)]


def sessions_in(pool: WatchedPool) -> list[tuple[object, ...] | None]:
    """Return what each idle connection knows when it is given out."""
    with all_of(pool) as given:
        return [session.execute(WHO).fetchone() for session in given]


def test_a_connection_comes_out_of_the_pool_free(pool: WatchedPool) -> None:
    with confined():
        enter_user(ADA)
        enter_organization(ACME)
        heard()
        connection.close()

    assert {row and row[:3] for row in sessions_in(pool)} == {FREE}


def test_a_connection_that_was_given_back_in_a_transaction_comes_out_free(
    pool: WatchedPool,
) -> None:
    with confined():
        enter_user(ADA)
        heard()
        connection.set_autocommit(False)
        enter_user(GRACE)
        heard()
        connection.close()

    assert {row and row[:3] for row in sessions_in(pool)} == {FREE}
    assert heard() == FREE


class Deaf:
    """Sessions that can't be let out, of which it counts those that were asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def say(self, given: "psycopg.Connection[object]", tenancy: Tenancy | None) -> None:
        self.asked.append(given.info.backend_pid)
        raise psycopg.OperationalError


def test_a_session_that_can_not_be_let_out_is_given_to_nobody(
    pool: WatchedPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions_in(pool)
    with confined():
        enter_user(ADA)
        heard()
        confined_one = connection.connection.info.backend_pid
        connection.close()
    deaf = Deaf()
    monkeypatch.setattr(pools, "say", deaf.say)

    with all_of(pool) as given:
        assert deaf.asked == [confined_one]
        assert confined_one not in {session.info.backend_pid for session in given}


def test_many_at_once_hear_each_their_own_from_few_connections() -> None:
    def ask(person: UUID) -> Heard:
        try:
            with confined():
                enter_user(person)
                with transaction.atomic():
                    return heard()
        finally:
            connection.close()

    people = [uuid4() for _ in range(60)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, people))

    assert answers == [(False, person, None) for person in people]


class Views:
    """Answers with what its session knows."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        enter_user(ADA)
        return HttpResponse(str(heard() == (False, ADA, None)))

    def in_pieces(self, request: HttpRequest) -> HttpResponseBase:
        enter_user(ADA)
        return StreamingHttpResponse(self._pieces())

    def _pieces(self) -> Iterator[bytes]:
        yield str(heard() == (False, ADA, None)).encode()
        yield b" again "
        yield str(heard() == (False, ADA, None)).encode()


@pytest.mark.parametrize(
    ("path", "confined_there"),
    [
        ("/v1/orgs", b"True"),
        ("/v1/", b"True"),
        ("/v1/operations", b"True"),
        ("/v1/ops/eventing/deadletters", b"False"),
        ("/admin/", b"False"),
        ("/metrics", b"False"),
    ],
)
def test_requests_to_the_api_are_confined_and_those_of_operators_are_not(
    path: str, confined_there: bytes
) -> None:
    answer = TenancyMiddleware(Views())(RequestFactory().get(path))

    assert answer.getvalue() == confined_there
    assert heard() == FREE


def test_a_body_on_its_way_is_still_confined() -> None:
    answer = TenancyMiddleware(Views().in_pieces)(RequestFactory().get("/v1/orgs"))

    assert heard() == FREE
    assert answer.getvalue() == b"True again True"
    assert heard() == FREE


def test_a_role_that_is_not_there_is_an_error_and_not_the_login_role(
    settings: Settings,
) -> None:
    settings.DATABASE_API_ROLE = "opencore_nobody"

    with confined(), pytest.raises(DatabaseError):
        IdempotencyKey.objects.count()

    assert heard() == FREE

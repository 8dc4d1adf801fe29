"""What a client is told when PostgreSQL, a real one, fails in each of its ways."""

import json
import logging
import select
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

import psycopg
import pytest
from django.db import connection, transaction
from django.http.response import HttpResponseBase

from tests.opencore.conftest import REQUEST_ID, Ask, DatabaseAt, Session, current_pool
from tests.opencore.tcp_line import Cut, TcpLine
from tests.ports import free_port

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.opencore.urls"),
]
PATIENCE = 5.0
DIES_AT_COMMIT = """
create function die() returns trigger language plpgsql security definer as $$
begin
    perform pg_terminate_backend(pg_backend_pid());
    return null;
end $$;
create constraint trigger dies after insert on shelf
    deferrable initially deferred for each row execute function die();
"""


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def running(*statements: str) -> Callable[[], None]:
    """Return a deed: the statements in one transaction."""

    def deed() -> None:
        with transaction.atomic():
            for sql in statements:
                run(sql)

    return deed


def assert_fault(
    response: HttpResponseBase, code: str, retryable: str, *, wait: int
) -> None:
    problem = json.loads(response.getvalue())
    assert problem["code"] == code
    assert problem["retryable"] == retryable
    assert response.status_code == problem["status"] == 503
    assert response["Content-Type"] == "application/problem+json"
    assert response["X-Request-Id"] == problem["request_id"] == REQUEST_ID
    assert wait <= int(response["Retry-After"]) <= 2 * wait


def amounts(session: Session) -> list[tuple[int, int]]:
    return session.execute("select id, amount from shelf order by id").fetchall()


@pytest.mark.parametrize(
    "sql",
    [
        "insert into shelf values (1)",
        "insert into shelf values (3, 99)",
        "insert into shelf values (3, null, -1)",
    ],
    ids=["unique", "foreign key", "check"],
)
def test_a_broken_rule_that_no_service_foresaw_is_a_bug_and_says_nothing_of_it(
    shelf: None, ask: Ask, caplog: pytest.LogCaptureFixture, sql: str
) -> None:
    response = ask(running(sql))

    problem = json.loads(response.getvalue())
    assert (response.status_code, problem["code"]) == (500, "internal_error")
    assert problem["retryable"] == "same_idempotency_key"
    assert problem["request_id"] == REQUEST_ID
    assert response["Content-Type"] == "application/problem+json"
    assert "shelf" not in response.getvalue().decode()
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert "shelf" in str(record.exc_info[1])


def test_a_serialization_failure(shelf: None, other: Session, ask: Ask) -> None:
    def deed() -> None:
        with transaction.atomic():
            run("set transaction isolation level repeatable read")
            run("select * from shelf")
            other.execute("update shelf set amount = 7 where id = 1")
            run("update shelf set amount = 5 where id = 1")

    assert_fault(ask(deed), "conflict_retry", "yes", wait=1)
    assert amounts(other) == [(1, 7), (2, 0)]


def test_a_deadlock(shelf: None, other: Session, ask: Ask) -> None:
    def deed() -> None:
        with transaction.atomic():
            run("set local role none; set local deadlock_timeout = '400ms'")
            run("update shelf set amount = 5 where id = 1")
            other.execute("set deadlock_timeout = '30s'")
            other.execute("begin")
            other.execute("update shelf set amount = 6 where id = 2")
            # Sent, and not waited for.
            other.pgconn.send_query(b"update shelf set amount = 6 where id = 1")
            run("update shelf set amount = 5 where id = 2")

    response = ask(deed)
    other.close()

    assert_fault(response, "conflict_retry", "yes", wait=1)


def test_a_lock_that_somebody_keeps(shelf: None, other: Session, ask: Ask) -> None:
    other.execute("begin")
    other.execute("select * from shelf for update")

    response = ask(
        running("set local lock_timeout = '50ms'", "update shelf set amount = 5")
    )

    assert_fault(response, "lock_timeout", "yes", wait=1)


def test_a_statement_that_takes_too_long(ask: Ask) -> None:
    response = ask(
        running("set local statement_timeout = '50ms'", "select pg_sleep(9)")
    )

    assert_fault(response, "database_timeout", "yes", wait=2)


def test_a_transaction_that_sat_idle_too_long(
    shelf: None, other: Session, ask: Ask
) -> None:
    def deed() -> None:
        with transaction.atomic():
            run("set local idle_in_transaction_session_timeout = '50ms'")
            run("update shelf set amount = 5")
            select.select([connection.connection], [], [], PATIENCE)
            run("select 1")

    assert_fault(ask(deed), "transaction_expired", "same_idempotency_key", wait=1)
    assert amounts(other) == [(1, 0), (2, 0)]


def test_a_database_that_takes_no_changes(shelf: None, ask: Ask) -> None:
    response = ask(running("set transaction read only", "update shelf set amount = 5"))

    assert_fault(response, "read_only", "yes", wait=5)


@pytest.mark.parametrize(
    ("state", "code", "retryable", "wait"),
    [
        ("53100", "storage_full", "yes", 30),
        ("53200", "storage_full", "yes", 30),
        ("25P04", "transaction_expired", "same_idempotency_key", 1),
        ("57P03", "database_unavailable", "same_idempotency_key", 2),
    ],
    ids=["disk full", "out of memory", "transaction time-out", "starting"],
)
def test_states_that_a_test_can_only_have_raised(
    ask: Ask, state: str, code: str, retryable: str, wait: int
) -> None:
    sql = f"do $$ begin raise exception using errcode = '{state}'; end $$"

    assert_fault(ask(running(sql)), code, retryable, wait=wait)


@pytest.mark.parametrize(
    ("method", "retryable"), [("GET", "yes"), ("POST", "same_idempotency_key")]
)
def test_a_session_that_the_operator_ends(
    ask: Ask, method: str, retryable: str
) -> None:
    response = ask(
        running("set role none; select pg_terminate_backend(pg_backend_pid())"), method
    )

    assert_fault(response, "database_unavailable", retryable, wait=2)
    assert ask(running("select 1"), method).status_code == 200


@pytest.mark.parametrize(
    ("method", "retryable"), [("GET", "yes"), ("POST", "same_idempotency_key")]
)
def test_a_server_that_is_not_there(
    ask: Ask, database_at: DatabaseAt, method: str, retryable: str
) -> None:
    database_at(HOST="127.0.0.1", PORT=str(free_port()))
    began = monotonic()

    response = ask(running("select 1"), method)

    assert_fault(response, "database_unavailable", retryable, wait=2)
    assert monotonic() - began < PATIENCE


def test_a_server_that_is_there_again_serves_at_once(
    ask: Ask, database_at: DatabaseAt
) -> None:
    database_at(HOST="127.0.0.1", PORT=str(free_port()))
    assert ask(running("select 1")).status_code == 503

    database_at()

    assert ask(running("select 1")).status_code == 200


def test_a_server_with_too_many_connections(
    ask: Ask, other: Session, database_at: DatabaseAt
) -> None:
    other.execute("create role crowd login password 'crowd' connection limit 0")
    try:
        database_at(USER="crowd", PASSWORD="crowd")
        response = ask(running("select 1"))
    finally:
        other.execute("drop role crowd")

    assert_fault(response, "database_unavailable", "same_idempotency_key", wait=2)


def test_a_pool_whose_connections_are_all_in_use(
    ask: Ask, database_at: DatabaseAt
) -> None:
    database_at(pool={"max_size": 1, "timeout": 0.2})
    run("select 1")
    connection.close()
    pool = current_pool()

    with pool.connection():
        response = ask(running("select 1"))

    assert_fault(response, "overloaded", "yes", wait=1)
    assert ask(running("select 1")).status_code == 200


def test_a_pool_with_too_long_a_queue_refuses_at_once(
    ask: Ask, database_at: DatabaseAt
) -> None:
    database_at(pool={"max_size": 1, "max_waiting": 1, "timeout": 30.0})
    run("select 1")
    connection.close()
    pool = current_pool()

    with pool.connection():
        waiting = Thread(target=lambda: pool.putconn(pool.getconn(PATIENCE)))
        waiting.start()
        _wait_until(lambda: pool.get_stats().get("requests_waiting") == 1)
        began = monotonic()
        response = ask(running("select 1"))
        took = monotonic() - began
    waiting.join(PATIENCE)

    assert_fault(response, "overloaded", "yes", wait=1)
    assert took < 1.0


def test_a_session_that_dies_during_the_commit(
    shelf: None, other: Session, ask: Ask
) -> None:
    other.execute(DIES_AT_COMMIT)
    try:
        response = ask(running("insert into shelf values (3)"))
    finally:
        other.execute("drop trigger dies on shelf; drop function die")

    assert_fault(response, "outcome_unknown", "same_idempotency_key", wait=2)
    assert amounts(other) == [(1, 0), (2, 0)]


@pytest.mark.parametrize(
    ("cut", "left"),
    [("before_commit", [(1, 0), (2, 0)]), ("after_commit", [(1, 0), (2, 0), (3, 0)])],
)
def test_a_line_that_breaks_at_the_commit_leaves_the_outcome_unknown(
    shelf: None,
    other: Session,
    ask: Ask,
    line: TcpLine,
    cut: Cut,
    left: list[tuple[int, int]],
) -> None:
    line.cut = cut

    response = ask(running("insert into shelf values (3)"))

    assert_fault(response, "outcome_unknown", "same_idempotency_key", wait=2)
    assert amounts(other) == left


def test_a_server_that_hangs_at_the_commit_leaves_the_outcome_unknown(
    shelf: None, other: Session, ask: Ask, line: TcpLine
) -> None:
    def deed() -> None:
        with transaction.atomic():
            run("insert into shelf values (3)")
            line.go_silent()

    response = ask(deed)
    line.speak()

    assert_fault(response, "outcome_unknown", "same_idempotency_key", wait=2)
    _wait_until(lambda: amounts(other) == [(1, 0), (2, 0), (3, 0)])


@pytest.mark.parametrize(
    ("method", "code", "retryable"),
    [
        ("GET", "database_timeout", "yes"),
        ("POST", "outcome_unknown", "same_idempotency_key"),
    ],
)
def test_a_server_that_hangs_is_given_up_within_the_deadline(
    ask: Ask, line: TcpLine, method: str, code: str, retryable: str
) -> None:
    def deed() -> None:
        run("select 1")
        line.go_silent()
        run("select 2")

    began = monotonic()
    response = ask(deed, method)
    took = monotonic() - began
    line.speak()

    assert_fault(response, code, retryable, wait=2)
    assert 3.9 < took < PATIENCE
    assert ask(running("select 1"), method).status_code == 200


def test_a_server_that_hangs_before_the_request_is_given_up_sooner(
    ask: Ask, line: TcpLine
) -> None:
    assert ask(running("select 1")).status_code == 200
    line.go_silent()

    began = monotonic()
    response = ask(running("select 1"))
    took = monotonic() - began
    line.speak()

    assert_fault(response, "database_unavailable", "same_idempotency_key", wait=2)
    assert took < 3.0


def test_an_error_of_the_program_is_no_fault(shelf: None, ask: Ask) -> None:
    response = ask(running("select nothing from shelf"))

    problem = json.loads(response.getvalue())
    assert (response.status_code, problem["code"]) == (500, "internal_error")


def test_a_fault_outside_of_django_means_the_same(ask: Ask) -> None:
    port = free_port()

    response = ask(lambda: psycopg.connect(f"host=127.0.0.1 port={port}"), "GET")

    assert_fault(response, "database_unavailable", "yes", wait=2)


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < deadline
        Event().wait(0.01)

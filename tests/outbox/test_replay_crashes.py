"""What is left when a replay dies between any two steps."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from outbox.models import DeadLetter, OutboxEvent, Replay, ReplayItem
from outbox.replay import resume
from outbox.replay.executing import LOCK_CLASS
from tests.outbox.conftest import Together
from tests.outbox.letters import outcome, replay_all, store_letters

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent
DEADLINE = 30.0
LETTERS = 4
TOGETHER = 3
# For how many letters that are refused; each of those beside it goes alone then.
STATEMENTS = {0: 26, 1: 39}


class Killed(BaseException):
    """The process ended here; nothing of ours runs any more."""


class Killer:
    """Ends the work at one statement, as if the process had been killed there."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(
        self, execute: Callable[..., object], sql: str, *rest: object
    ) -> object:
        self.left -= 1
        if self.left == 0:
            raise Killed
        return execute(sql, *rest)


def _letters(refused: int) -> None:
    """Store four letters, of which some are to be refused, to go three at once."""
    store_letters(LETTERS)
    DeadLetter.objects.filter(position__lte=refused).update(occurred_at=None)


@pytest.mark.parametrize(
    ("refused", "statement"),
    [
        (refused, statement)
        for refused, count in STATEMENTS.items()
        for statement in range(1, count + 1)
    ],
)
def test_a_replay_that_dies_at_any_statement_is_finished_once(
    refused: int, statement: int, together: Together
) -> None:
    _letters(refused)
    together(TOGETHER)
    with connection.execute_wrapper(Killer(statement)), pytest.raises(Killed):
        replay_all()
    _lose_connection()

    operations = [
        resume(operation_id=operation.id, rate=None, stop_on_failure_rate=None)
        for operation in Replay.objects.all()
    ] or [replay_all()]

    done = LETTERS - refused
    assert [outcome(each) for each in operations] == [("done", LETTERS, done, refused)]
    assert OutboxEvent.objects.count() == done
    assert DeadLetter.objects.waiting().count() == refused
    assert set(DeadLetter.objects.values_list("state", "replay_count")) <= {
        ("replayed", 1),
        ("waiting", 0),
    }


@pytest.mark.parametrize("refused", STATEMENTS)
def test_no_statement_of_a_replay_was_left_out(
    refused: int, together: Together
) -> None:
    _letters(refused)
    together(TOGETHER)
    killer = Killer(10_000)

    with connection.execute_wrapper(killer):
        replay_all()

    assert 10_000 - killer.left == STATEMENTS[refused]


@pytest.fixture
def replaying() -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [
            sys.executable,
            "manage.py",
            "replay_deadletters",
            "--execute",
            *("--reason", "the limit was raised"),
            *("--actor", "grace@example.com"),
            *("--rate", "20"),
        ],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": _test_database()},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def letters() -> list[DeadLetter]:
    return store_letters(60)


def test_a_killed_replay_is_resumed_where_it_was(
    letters: list[DeadLetter], replaying: "subprocess.Popen[str]"
) -> None:
    _wait_until_done(3)

    replaying.kill()
    replaying.wait(timeout=10)
    operation = Replay.objects.get()
    assert operation.state == "running"
    assert operation.done == OutboxEvent.objects.count() < 60
    _wait_until_free()
    resumed = resume(operation_id=operation.id, rate=1000.0, stop_on_failure_rate=None)

    assert outcome(resumed) == ("done", 60, 60, 0)
    assert OutboxEvent.objects.count() == 60
    assert ReplayItem.objects.filter(outcome="done").count() == 60
    assert set(DeadLetter.objects.values_list("replay_count", flat=True)) == {1}


def _wait_until_done(count: int) -> None:
    """Wait for the other process to have replayed so many letters."""
    deadline = monotonic() + DEADLINE
    while not Replay.objects.filter(done__gte=count).exists():
        assert monotonic() < deadline, "the replay did not begin"
        Event().wait(0.02)


def _wait_until_free() -> None:
    """Wait for PostgreSQL to notice that the other process is gone."""
    deadline = monotonic() + DEADLINE
    while _others():
        assert monotonic() < deadline, "its connection did not end"
        Event().wait(0.02)


def _others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_locks where locktype = 'advisory'"
            " and classid = %s and pid <> pg_backend_pid()"
            " and database = (select oid from pg_database"
            " where datname = current_database())",
            [LOCK_CLASS],
        )
        (count,) = cursor.fetchone()
    return int(count)


def _lose_connection() -> None:
    # A dead process's session ends, and with it its locks.
    connection.connection.close()
    connection.close()


def _test_database() -> str:
    database = connection.settings_dict
    return make_conninfo(
        user=database["USER"],
        password=database["PASSWORD"],
        host=database["HOST"],
        port=database["PORT"],
        dbname=database["NAME"],
    )

"""What an event costs the transaction that tells it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from django.db import connection, transaction

from opencore.events.user.v1 import UserCreated
from outbox.publishing import emit
from tests.bench.figures import Figure, Say, interleaved, rate

WRITERS = 4


def measure(*, transactions: int, rounds: int, say: Say) -> list[Figure]:
    """Measure a transaction of one row without an event, with a bare insert, with ours."""
    with connection.cursor() as cursor:
        cursor.execute("create table if not exists bench_row (id uuid primary key)")
    try:
        return interleaved(
            "emitting",
            {
                "one row, no event": lambda: _write(transactions, _nothing),
                "one row and a bare insert into the outbox": lambda: _write(
                    transactions, _insert
                ),
                "one row and emit()": lambda: _write(transactions, _emit),
            },
            rounds=rounds,
            unit="transactions/s",
            say=say,
        )
    finally:
        with connection.cursor() as cursor:
            cursor.execute("drop table bench_row")
            cursor.execute("truncate outbox_event")


def _write(transactions: int, tell: Callable[[], object]) -> float:
    def write(count: int) -> None:
        for _ in range(count):
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("insert into bench_row values (%s)", [uuid4()])
                tell()
        connection.close()

    share = max(transactions // WRITERS, 1)
    with ThreadPoolExecutor(WRITERS) as threads:
        return rate(
            share * WRITERS, lambda: list(threads.map(write, [share] * WRITERS))
        )


def _nothing() -> None:
    """Tell nobody."""


def _insert() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into outbox_event"
            " (lane, event_id, type, topic, key, payload, occurred_at)"
            " values (0, %s, 't', 't', %s, %s, now())",
            [uuid4(), str(uuid4()), b"x" * 400],
        )


def _emit() -> None:
    emit(UserCreated(user_id=uuid4(), email="ada@example.com"))

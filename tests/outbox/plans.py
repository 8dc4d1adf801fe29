"""Replays that grace plans and decides, and other processes that run them."""

from django.db import connection
from django.utils import timezone

from outbox.models import Replay
from outbox.replay import Selection, begin, prepare
from outbox.replay.executing import lock_name

GRACE = "grace@example.com"
ADA = "ada@example.com"


def planned(*, rate: float | None = None, limit: int | None = None) -> Replay:
    """Return what grace looked at: all letters that wait."""
    return prepare(
        selection=Selection(),
        action=Replay.Action.REPLAY,
        actor=GRACE,
        rate=rate,
        limit=limit,
        stop_on_failure_rate=None,
    )


def begun(operation: Replay) -> Replay:
    """Return the plan as grace decided it."""
    return begin(
        operation_id=operation.id,
        actor=GRACE,
        reason="the limit was raised",
        now=timezone.now(),
    )


class HeldElsewhere:
    """Another process that runs an operation."""

    def __init__(self) -> None:
        self._connection = connection.copy()

    def hold(self, operation: Replay) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s, %s)", lock_name(operation.id))

    def close(self) -> None:
        self._connection.connection.close()
        self._connection.close()

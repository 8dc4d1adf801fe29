"""Makes the archive's daily partitions ahead, and forgets what is old enough."""

import logging
import re
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

log = logging.getLogger(__name__)

AHEAD = 7
LOCK = 0x0C0C
FORGET_AT_ONCE = 5000
FORGET = """
delete from outbox_inbox where ctid = any(array(
    select ctid from outbox_inbox where handled_at < %s limit %s))
"""
_NAME = re.compile(r"outbox_archive_(\d{4})(\d{2})(\d{2})")


def maintain() -> None:
    """Have a partition for today and the week to come, and nothing beyond the policy."""
    now = timezone.now()
    make_partitions(today=now.date())
    drop_partitions(before=oldest_kept(today=now.date()))
    forget_handled(before=now - timedelta(days=settings.OUTBOX_INBOX_DAYS))


def oldest_kept(*, today: date) -> date:
    """Return the oldest day whose delivered events are kept."""
    return today - timedelta(days=settings.OUTBOX_ARCHIVE_DAYS)


def make_partitions(*, today: date) -> None:
    """Make the partitions of today and of the days ahead, where they are missing.

    A day for which rows already lie in the default partition is left to it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        existing = set(_partitions())
        for day in (today + timedelta(days=ahead) for ahead in range(AHEAD + 1)):
            start, end = _bounds(day)
            if day in existing:
                continue
            cursor.execute(
                "select exists (select from outbox_archive_rest"
                " where delivered_at >= %s and delivered_at < %s)",
                [start, end],
            )
            if cursor.fetchone() == (True,):
                continue
            cursor.execute(
                sql.SQL(
                    "create table {name} partition of outbox_archive"
                    " for values from ({start}) to ({end})"
                ).format(
                    name=sql.Identifier(_name(day)),
                    start=sql.Literal(start),
                    end=sql.Literal(end),
                )
            )
            log.info("partition made", extra={"partition": _name(day)})


def missing_partitions(*, today: date) -> list[date]:
    """Return the days of the week to come for which no partition was made."""
    existing = set(_partitions())
    days = [today + timedelta(days=ahead) for ahead in range(AHEAD + 1)]
    return [day for day in days if day not in existing]


def forget_handled(*, before: datetime) -> int:
    """Forget that events were handled before this time; return how many.

    In steps, so that no consumer waits long for its row.
    """
    forgotten, step = 0, FORGET_AT_ONCE
    with connection.cursor() as cursor:
        while step == FORGET_AT_ONCE:
            cursor.execute(FORGET, [before, FORGET_AT_ONCE])
            step = int(cursor.rowcount)
            forgotten += step
    if forgotten:
        log.info("handled events forgotten", extra={"forgotten": forgotten})
    return forgotten


def drop_partitions(*, before: date) -> int:
    """Drop the partitions of days before the given one; return how many."""
    dropped = 0
    for day in _partitions():
        if day < before:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL("drop table if exists {}").format(
                        sql.Identifier(_name(day))
                    )
                )
            log.info("partition dropped", extra={"partition": _name(day)})
            dropped += 1
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from outbox_archive_rest where delivered_at < %s",
            [_bounds(before)[0]],
        )
    return dropped


def _partitions() -> list[date]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " where i.inhparent = 'outbox_archive'::regclass"
        )
        names = [_NAME.fullmatch(name) for (name,) in cursor.fetchall()]
    return [date(*map(int, match.groups())) for match in names if match is not None]


def _name(day: date) -> str:
    return f"outbox_archive_{day:%Y%m%d}"


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)

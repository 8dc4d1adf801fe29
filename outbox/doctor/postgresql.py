"""Whether PostgreSQL keeps what it is given, and stays quick."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from outbox.doctor.finding import Finding
from outbox.retention import missing_partitions
from outbox.status import read_status

LARGEST_SKEW = timedelta(seconds=2)
OLDEST_SNAPSHOT = timedelta(minutes=5)
# What the first migration gives the hot table, whose rows come and go.
STORAGE = {
    "autovacuum_vacuum_scale_factor": "0",
    "autovacuum_vacuum_threshold": "5000",
    "autovacuum_vacuum_cost_delay": "0",
}


def check_durability() -> Iterator[Finding]:
    """Find settings by which a commit that was answered may be lost."""
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if _one("select current_setting(%s)", name) == "off":
            yield Finding(
                "fault",
                "durability",
                f"{name} is off: a crash of the server loses committed events.",
                f"Set {name} = on in PostgreSQL.",
            )


def check_autovacuum() -> Iterator[Finding]:
    """Find that nobody clears away the rows that were delivered."""
    if _one("select current_setting(%s)", "autovacuum") == "off":
        yield Finding(
            "caution",
            "autovacuum",
            "autovacuum is off: outbox_event grows with what was delivered.",
            "Set autovacuum = on in PostgreSQL.",
        )
    options = _one(
        "select coalesce(reloptions, '{}') from pg_class where oid = %s::regclass",
        "outbox_event",
    )
    found = dict(option.split("=", 1) for option in options)
    wrong = {name for name, value in STORAGE.items() if found.get(name) != value}
    if wrong:
        wanted = ", ".join(f"{name} = {STORAGE[name]}" for name in sorted(wrong))
        yield Finding(
            "caution",
            "autovacuum",
            f"outbox_event lacks {wanted}.",
            f"alter table outbox_event set ({wanted})",
        )


def check_partitions() -> Iterator[Finding]:
    """Find days of the archive for which no partition was made ahead."""
    missing = missing_partitions(today=timezone.now().date())
    if missing:
        yield Finding(
            "caution",
            "archive",
            f"The archive has no partition for {missing[0]} and"
            f" {len(missing) - 1} days more; what is delivered then can't be dropped"
            " as a whole.",
            "Let Celery's beat and a worker run, or: manage.py outbox_maintain",
        )


def check_clock() -> Iterator[Finding]:
    """Find that this machine and PostgreSQL disagree about the time."""
    skew = abs(_one("select clock_timestamp()") - timezone.now())
    if skew > LARGEST_SKEW:
        yield Finding(
            "caution",
            "clock",
            f"This machine and PostgreSQL are {skew.total_seconds():.0f} s apart:"
            " tokens, codes and the times of events are off.",
            "Let both follow the same time server.",
        )


def check_snapshots() -> Iterator[Finding]:
    """Find old transactions, behind which deleted rows can't be cleared away."""
    for who, age in _rows(OLD_SNAPSHOTS, OLDEST_SNAPSHOT):
        yield Finding(
            "caution",
            "snapshots",
            f"{who} holds a snapshot since {age}: what was delivered since can't be"
            " cleared away.",
            "End it: pg_terminate_backend, rollback prepared, or"
            " pg_drop_replication_slot.",
        )


def check_lanes() -> Iterator[Finding]:
    """Find lanes whose events nobody sends."""
    status = read_status(now=timezone.now())
    if status.stray_lanes:
        yield Finding(
            "fault",
            "lanes",
            f"Events wait in lanes {status.stray_lanes}, beyond OUTBOX_LANES"
            f" = {settings.OUTBOX_LANES}.",
            "Raise OUTBOX_LANES to what it was, drain, then lower it.",
        )
    if status.served_lanes < len(status.lanes):
        yield Finding(
            "caution",
            "lanes",
            f"{len(status.lanes) - status.served_lanes} of {len(status.lanes)} lanes"
            " have no relay at this moment.",
            "Start one: manage.py outbox_relay",
        )


def _one(query: str, *arguments: Any) -> Any:  # noqa: ANN401 -- a column is any value
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        (value,) = cursor.fetchone()
    return value


def _rows(query: str, *arguments: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return list(cursor.fetchall())


OLD_SNAPSHOTS = """
with holders as (
    select format('Session %%s (%%s, %%s)', pid, application_name, state) as who,
           now() - xact_start as age
    from pg_stat_activity
    where pid <> pg_backend_pid() and backend_type = 'client backend'
      and (backend_xmin is not null or backend_xid is not null)
    union all
    select format('The prepared transaction %%s', gid), now() - prepared
    from pg_prepared_xacts
)
select who, date_trunc('second', age) from holders where age > %s order by age desc
"""

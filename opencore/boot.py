"""What must be true before a process serves: settings, database, migrations."""

import sys
from typing import TextIO

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from opencore.database import (
    DatabaseAbsent,
    unapplied_migrations,
    wait_for_database,
)
from opencore.postgresql.role import faults_of_role
from opencore.tokens import fetch_foreign_keys

# Gunicorn takes this status as "don't try again".
REFUSED = 3
# How long a start waits for the keys of other issuers; it goes on without them.
KEYS_WAIT = 3.0


class BootRefused(RuntimeError):
    """The process must not serve; the message says why, to an operator."""


def prepare_to_serve() -> None:
    """Return when this process may serve; otherwise say why not and exit."""
    try:
        refuse_unsafe_settings()
        if not settings.GATEWAY_ALONE:
            wait_for_database(limit=settings.DATABASE_WAIT, say=_say)
            refuse_missing_migrations()
            refuse_unguarded_role()
        fetch_foreign_keys(within=KEYS_WAIT)
    except (BootRefused, DatabaseAbsent, ImproperlyConfigured) as error:
        _say(f"OpenCore does not start: {error}")
        raise SystemExit(REFUSED) from error


def refuse_unsafe_settings() -> None:
    """Raise BootRefused if a check says that a deployment would be open to misuse."""
    if settings.PROFILE != "production":
        return
    found = checks.run_checks(tags=["opencore"], include_deployment_checks=True)
    # Django runs its checks in no order.
    serious = sorted(
        f"{wrong.msg} ({wrong.id})" for wrong in found if wrong.is_serious()
    )
    if serious:
        raise BootRefused(" ".join(serious))


def refuse_missing_migrations() -> None:
    """Raise BootRefused, naming them, if migrations wait to be applied."""
    missing = unapplied_migrations()
    if missing:
        raise BootRefused(
            f"These migrations are not applied: {', '.join(missing)}."
            " Run: python manage.py migrate"
        )


def refuse_unguarded_role() -> None:
    """Raise BootRefused if row-level security would not hold what requests do."""
    try:
        faults = faults_of_role()
    finally:
        if not connection.in_atomic_block:
            connection.close()
    if faults:
        raise BootRefused(" ".join(faults))


def _say(line: str, stream: TextIO | None = None) -> None:
    print(line, file=stream or sys.stderr, flush=True)

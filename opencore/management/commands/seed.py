"""`manage.py seed`: gives a local system somebody to play with."""

import os
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from accounts.models import Organization, User
from accounts.services import (
    begin_authenticator,
    confirm_authenticator,
    create_organization,
    find_or_create_user,
    forget_factors,
    make_operator,
)
from accounts.services.totp import code_of
from opencore.management.commands.operator_code import SECRET_FILE

PERSON = "ada@example.com"
ORGANIZATION = "Acme"
OPERATOR = "operator@example.com"


class Command(BaseCommand):
    """Make a demo person, her organization, and an operator, unless they are there."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to change anything."""
        parser.add_argument(
            "--dry-run", action="store_true", help="say what is missing, make nothing"
        )

    def handle(self, *_args: Any, dry_run: bool, **_options: Any) -> None:
        """Make what is missing and say what was made."""
        if settings.PROFILE != "local":
            raise CommandError("Seeding makes up people; it runs only locally.")
        missing = _missing()
        if dry_run:
            self._close("would be made", missing)
            return
        with transaction.atomic():
            ada = find_or_create_user(email=PERSON, actor_id=None)
            if ORGANIZATION in missing:
                create_organization(name=ORGANIZATION, actor_id=ada.id)
        if OPERATOR in missing:
            _make_operator()
        self.stdout.write(
            f"The operator {OPERATOR} signs in at /admin/ with the password in"
            f" {_password_file()}: {_password_file().read_text('utf-8').strip()}, then"
            " the code that is mailed, then the one of `manage.py operator_code`"
        )
        self._close("made", missing)

    def _close(self, done: str, missing: list[str]) -> None:
        made = f" ({', '.join(missing)})" if missing else ""
        self.stdout.write(
            f"{len(missing)} {done}{made}; {3 - len(missing)} were there already."
        )


def _missing() -> list[str]:
    people = User.objects.with_address(PERSON)
    organizations = Organization.objects.filter(
        name=ORGANIZATION, created_by__in=people.values("id")
    )
    operators = User.objects.with_address(OPERATOR).filter(role=User.Role.OPERATOR)
    # A password that nobody knows any more is made anew.
    found = {
        PERSON: people.exists(),
        ORGANIZATION: organizations.exists(),
        OPERATOR: (
            operators.filter(authenticators__confirmed_at__isnull=False).exists()
            and _password_file().exists()
            and _file(SECRET_FILE).exists()
        ),
    }
    return [name for name, there in found.items() if not there]


def _make_operator() -> None:
    password = secrets.token_urlsafe(18)
    now = timezone.now()
    operator = make_operator(email=OPERATOR, password=password, actor_id=None, now=now)
    secret = _add_authenticator(operator, now)
    # Last: a password without its file is made anew the next time.
    _keep(_password_file(), password)
    _keep(_file(SECRET_FILE), secret)


def _add_authenticator(operator: User, now: datetime) -> str:
    forget_factors(user_id=operator.id, actor_id=None, now=now)
    made = begin_authenticator(user_id=operator.id, name="manage.py operator_code")
    # A code is good once: the one of now is left to whoever signs in.
    before = now - timedelta(minutes=1)
    confirm_authenticator(
        authenticator_id=made.authenticator.id,
        user_id=operator.id,
        session_id=None,
        code=code_of(made.secret, now=before),
        now=before,
    )
    return made.secret


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{text}\n")


def _password_file() -> Path:
    return _file("operator-password")


def _file(name: str) -> Path:
    return Path(settings.LOCAL_DIR) / name

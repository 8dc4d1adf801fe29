"""`manage.py make_operator`: lets a person sign in to the admin."""

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.utils import timezone

from accounts.models import User
from accounts.services import forget_factors, make_operator


class Command(BaseCommand):
    """Make a person an operator with a password, or give an operator a new one."""

    help = (
        "Lets the person with this address sign in to the admin. The password is asked"
        " for on a terminal, and is otherwise the first line of the input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who, and whether to change anything."""
        parser.add_argument("email", help="the person's address")
        parser.add_argument(
            "--forget-authenticator",
            action="store_true",
            help="let them add another at the next sign-in, for who lost their phone",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would change, change none"
        )

    def handle(
        self,
        *_args: Any,
        email: str,
        dry_run: bool,
        forget_authenticator: bool,
        **_options: Any,
    ) -> None:
        """Make the operator and say what that changed."""
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"{email!r} is no e-mail address.") from error
        person = User.objects.with_address(email).first()
        if dry_run:
            self.stdout.write(f"Nothing was changed; {email} would {_change(person)}.")
            return
        password = _read_password()
        _refuse_weak(password, person or User(email=email))
        now = timezone.now()
        operator = make_operator(email=email, password=password, actor_id=None, now=now)
        if forget_authenticator:
            forget_factors(user_id=operator.id, actor_id=None, now=now)
        self.stdout.write(
            f"{email} is an operator and signs in at /admin/ with this password, a code"
            " that is mailed, and an authenticator, which the first sign-in adds."
        )


def _change(person: User | None) -> str:
    if person is None:
        return "become a user and an operator, with a password"
    if person.role != User.Role.OPERATOR:
        return "become an operator, with a password"
    return "get a new password"


def _read_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Once more: "):
        raise CommandError("The two passwords differ; nothing was changed.")
    return password


def _refuse_weak(password: str, person: User) -> None:
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise CommandError(
            f"{' '.join(error.messages)} Nothing was changed."
        ) from error

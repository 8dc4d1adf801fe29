"""`manage.py reseal`: lets an old key of SEALING_KEYS be dropped."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Authenticator
from accounts.services import reseal_authenticators
from opencore.sealing import SealBroken


class Command(BaseCommand):
    """Seal the secrets of authenticators anew, under the first of SEALING_KEYS."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to change anything."""
        parser.add_argument(
            "--dry-run", action="store_true", help="say how many there are, change none"
        )

    def handle(self, *_args: Any, dry_run: bool, **_options: Any) -> None:
        """Seal them and say how many were."""
        if dry_run:
            count = Authenticator.objects.count()
            self.stdout.write(f"Nothing was changed; {count} would be sealed anew.")
            return
        try:
            count = reseal_authenticators()
        except SealBroken as error:
            raise CommandError(
                "A secret was sealed with a key that is not in SEALING_KEYS any more;"
                " put it back behind the others."
            ) from error
        self.stdout.write(f"{count} were sealed anew, under the first key.")

"""`manage.py prepare`: migrates and seeds in one go, for a system on one machine."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from outbox.retention import maintain


class Command(BaseCommand):
    """Bring the database of a local system to where its processes can start."""

    help = __doc__ or ""

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Migrate, make the archive's partitions, seed."""
        call_command("migrate", interactive=False, verbosity=0)
        maintain()
        call_command("seed", stdout=self.stdout)

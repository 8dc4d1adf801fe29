"""`manage.py outbox_maintain`: what Celery's beat does for the tables each minute."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from outbox.retention import maintain, missing_partitions, oldest_kept


class Command(BaseCommand):
    """Make the archive's next partitions, and forget what is old enough."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to change anything."""
        parser.add_argument(
            "--dry-run", action="store_true", help="say what is missing, change nothing"
        )

    def handle(self, *_args: Any, dry_run: bool, **_options: Any) -> None:
        """Do it, or say what would be done."""
        today = timezone.now().date()
        missing, oldest = missing_partitions(today=today), oldest_kept(today=today)
        if not dry_run:
            maintain()
        would = "would be" if dry_run else "were"
        self.stdout.write(
            f"{len(missing)} partitions {would} made; what was delivered before"
            f" {oldest} {would} dropped."
        )

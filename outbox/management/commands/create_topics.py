"""`manage.py create_topics`: makes the topics that the catalogue needs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from opencore.events import TOPICS
from outbox.kafka.topics import KafkaUnreachable, create_topics, missing_topics


class Command(BaseCommand):
    """Create the topics that are missing; those that exist are left as they are."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to change anything."""
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what is missing"
        )

    def handle(self, *_args: Any, dry_run: bool, **_options: Any) -> None:
        """Create them, and say how many."""
        try:
            missing = missing_topics(TOPICS)
            for topic in missing:
                self.stdout.write(f"{topic} is missing")
            if missing and not dry_run:
                create_topics(missing)
        except KafkaUnreachable as error:
            raise CommandError(f"Kafka can't be asked: {error}.") from error
        verb = "Would create" if dry_run else "Created"
        self.stdout.write(f"{verb} {len(missing)} of {len(TOPICS)} topics.")

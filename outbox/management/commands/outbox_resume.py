"""`manage.py outbox_resume`: lets a paused topic be sent to again."""

from typing import Any

from django.core.management.base import CommandParser

from outbox.management.deciding import DecisionCommand
from outbox.releasing import resume_topic


class Command(DecisionCommand):
    """Resume a topic that somebody, or a refusal of Kafka, paused."""

    help = "Lets a paused topic be sent to again; Kafka may refuse it again."
    would = "{topic} would be sent to again"
    did = "{topic} is sent to again"

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which topic."""
        parser.add_argument("topic")
        super().add_arguments(parser)

    def decide(self, *, actor: str, reason: str, options: dict[str, Any]) -> None:
        """Resume it."""
        resume_topic(topic=options["topic"], actor=actor, reason=reason)

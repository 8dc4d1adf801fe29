"""`manage.py outbox_pause`: lets nothing be sent to a topic."""

from typing import Any

from django.core.management.base import CommandParser

from outbox.holding import pause_topic
from outbox.management.deciding import DecisionCommand


class Command(DecisionCommand):
    """Pause a topic until somebody resumes it."""

    help = "Lets nothing be sent to a topic until `outbox_resume`; its events stay."
    would = "Nothing would be sent to {topic}"
    did = "Nothing is sent to {topic}"

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which topic."""
        parser.add_argument("topic")
        super().add_arguments(parser)

    def decide(self, *, actor: str, reason: str, options: dict[str, Any]) -> None:
        """Pause it."""
        pause_topic(topic=options["topic"], actor=actor, reason=reason)

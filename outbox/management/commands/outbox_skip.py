"""`manage.py outbox_skip`: gives up the event that a key waits behind."""

from typing import Any

from outbox.management.deciding import KeyCommand
from outbox.releasing import skip_event


class Command(KeyCommand):
    """Give up the event that a key waits behind, so that the others go on."""

    help = "Gives up the event that a key waits behind; it stays as a discarded letter."
    would = "{scope} would give up what the key {key} of {topic} waits behind"
    did = "{scope} gave up what the key {key} of {topic} waited behind"

    def decide(self, *, actor: str, reason: str, options: dict[str, Any]) -> None:
        """Skip it."""
        skip_event(
            scope=options["scope"],
            topic=options["topic"],
            key=options["key"],
            actor=actor,
            reason=reason,
        )

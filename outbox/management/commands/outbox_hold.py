"""`manage.py outbox_hold`: lets the events of a key wait."""

from typing import Any

from outbox.holding import hold_key
from outbox.management.deciding import KeyCommand


class Command(KeyCommand):
    """Hold a key until somebody releases it."""

    help = "Lets the events of a key wait until `outbox_release`."
    would = "{scope} would hold the key {key} of {topic}"
    did = "{scope} holds the key {key} of {topic}"

    def decide(self, *, actor: str, reason: str, options: dict[str, Any]) -> None:
        """Hold it."""
        hold_key(
            scope=options["scope"],
            topic=options["topic"],
            key=options["key"],
            actor=actor,
            reason=reason,
        )

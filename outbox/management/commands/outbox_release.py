"""`manage.py outbox_release`: lets the events of a held key go on."""

from typing import Any

from outbox.management.deciding import KeyCommand
from outbox.releasing import release_key


class Command(KeyCommand):
    """Release a key that waits behind nothing any more."""

    help = "Lets a held key go on; refused while it waits behind an event."
    would = "{scope} would go on with the key {key} of {topic}"
    did = "{scope} goes on with the key {key} of {topic}"

    def decide(self, *, actor: str, reason: str, options: dict[str, Any]) -> None:
        """Release it."""
        release_key(
            scope=options["scope"],
            topic=options["topic"],
            key=options["key"],
            actor=actor,
            reason=reason,
        )

"""What commands share by which an operator decides something about the outbox."""

import json
from abc import abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from opencore.management.whoever import whoever_types
from outbox.actions import ActionRefused


class DecisionCommand(BaseCommand):
    """A command that says what it would do, and does it with --execute and a reason."""

    # What would be done and what was done, with the options' names in braces.
    would: str
    did: str

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to do it, who decides it and why."""
        parser.add_argument("--execute", action="store_true", help="really do it")
        parser.add_argument("--reason", default="", help="why; kept for the audit")
        parser.add_argument("--actor", default="", help="who; user@host if left out")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it or say it; a refusal is a sentence and the exit status 1."""
        if options["execute"]:
            self._execute(options)
        else:
            said = self.would.format(**options)
            self._answer(
                options, f'{said}; add --execute --reason "…" to do it.', executed=False
            )

    @abstractmethod
    def decide(self, *, actor: str, reason: str, options: dict[str, Any]) -> None:
        """Do it. Raises ActionRefused."""

    def _execute(self, options: dict[str, Any]) -> None:
        actor = options["actor"] or whoever_types()
        try:
            self.decide(actor=actor, reason=options["reason"], options=options)
        except ActionRefused as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"{error}: nothing was changed.") from error
        self._answer(options, f"{self.did.format(**options)}.", executed=True)

    def _answer(
        self, options: dict[str, Any], sentence: str, *, executed: bool
    ) -> None:
        if options["json"]:
            sentence = json.dumps({"executed": executed, "message": sentence})
        self.stdout.write(sentence)


class KeyCommand(DecisionCommand):
    """A decision about one key of one topic, at the relay or at a consumer."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which key."""
        parser.add_argument("key")
        parser.add_argument("--topic", required=True)
        parser.add_argument(
            "--scope",
            default="relay",
            help="relay, or the name of a consumer; relay if left out",
        )
        super().add_arguments(parser)

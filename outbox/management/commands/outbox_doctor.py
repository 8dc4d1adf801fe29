"""`manage.py outbox_doctor`: what would hurt the outbox tomorrow, and what mends it."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.template.defaultfilters import pluralize

from outbox.doctor import examine


class Command(BaseCommand):
    """Look at topics, tables, clocks and lanes; exit with 1 if there is a fault."""

    help = (
        "Looks whether topics, tables, clocks and lanes are as the outbox needs them."
        " Exits with 1 if there is a fault; cautions alone are 0."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the form of the answer."""
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print what was found; the last line is the whole in one sentence."""
        found = examine()
        faults = sum(finding.weight == "fault" for finding in found)
        if options["json"]:
            self.stdout.write(json.dumps([finding.to_json() for finding in found]))
        else:
            for finding in found:
                self.stdout.write(f"{finding.weight:<8}{finding.check}: {finding.what}")
                self.stdout.write(f"        {finding.remedy}")
            cautions = len(found) - faults
            self.stdout.write(
                f"{faults} fault{pluralize(faults)},"
                f" {cautions} caution{pluralize(cautions)}."
            )
        if faults:
            sys.exit(1)

"""`manage.py events`: writes EVENTS.md, the page of all events, from their classes."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from opencore.cataloguing import ROOT, write_catalogue

PAGE = ROOT / "EVENTS.md"


class Command(BaseCommand):
    """Write the page of all events, or say that it is not up to date."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to write, to compare or to show."""
        way = parser.add_mutually_exclusive_group()
        way.add_argument(
            "--check", action="store_true", help="write nothing; fail if it differs"
        )
        way.add_argument(
            "--dry-run", action="store_true", help="print the page, write nothing"
        )
        parser.add_argument("--page", type=Path, default=PAGE, help="another file")

    def handle(
        self, *_args: Any, check: bool, dry_run: bool, page: Path, **_options: Any
    ) -> None:
        """Do it."""
        wanted = write_catalogue()
        written = page.read_text("utf-8") if page.exists() else ""
        if dry_run:
            self.stdout.write(wanted, ending="")
        elif check and written != wanted:
            raise CommandError(f"{page.name} is not up to date: run manage.py events.")
        elif check or written == wanted:
            self.stdout.write(f"{page.name} is up to date.")
        else:
            page.write_text(wanted, "utf-8")
            self.stdout.write(f"{page.name} is written.")

"""`manage.py permissions`: writes into ARCHITECTURE.md who may do what."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.permissions import with_table

PAGE = Path(__file__).resolve().parents[3] / "ARCHITECTURE.md"


class Command(BaseCommand):
    """Write the table of roles and permissions, or say that it is not up to date."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to write or to compare, and another page."""
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail if it differs"
        )
        parser.add_argument("--page", type=Path, default=PAGE, help="another file")

    def handle(self, *_args: Any, check: bool, page: Path, **_options: Any) -> None:
        """Do it."""
        written = page.read_text("utf-8")
        try:
            wanted = with_table(written)
        except ValueError as error:
            raise CommandError(f"{page.name}: {error}") from error
        if written == wanted:
            self.stdout.write(f"{page.name} is up to date.")
        elif check:
            raise CommandError(
                f"{page.name} is not up to date: run manage.py permissions."
            )
        else:
            page.write_text(wanted, "utf-8")
            self.stdout.write(f"{page.name} is written.")

"""`manage.py openapi`: writes openapi.json, the contract with clients, from the code."""

import json
import subprocess
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from drf_spectacular.generators import SchemaGenerator

from opencore.cataloguing import ROOT
from opencore.describing.comparing import breaking_changes

PAGE = ROOT / "openapi.json"


class Command(BaseCommand):
    """Write the description of the API, or say what is wrong with it."""

    help = __doc__ or ""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to write, to look or to compare."""
        parser.add_argument(
            "--check", action="store_true", help="write nothing; fail if it differs"
        )
        parser.add_argument(
            "--against",
            metavar="FILE_OR_REVISION",
            help="write nothing; fail if it breaks clients of a file or of a revision",
        )
        parser.add_argument("--page", type=Path, default=PAGE, help="another file")

    def handle(
        self, *_args: Any, check: bool, against: str | None, page: Path, **_options: Any
    ) -> None:
        """Do it."""
        wanted = described()
        if check and (not page.exists() or page.read_text("utf-8") != wanted):
            raise CommandError(f"{page.name} is not up to date: run manage.py openapi.")
        if against is not None:
            self._compare(json.loads(_promised(against)), json.loads(wanted))
        if check:
            self.stdout.write(f"{page.name} is up to date.")
        elif against is None:
            page.write_text(wanted, "utf-8")
            self.stdout.write(f"{page.name} is written.")

    def _compare(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        found = breaking_changes(old, new)
        for sentence in found:
            self.stderr.write(sentence)
        if found:
            raise CommandError(f"{len(found)} changes break clients.")
        self.stdout.write("Nothing breaks clients.")


def described() -> str:
    """Return the description of the API as it is written."""
    description = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # -- drf-spectacular leaves it out
    return json.dumps(description, indent=1, sort_keys=True, default=str) + "\n"


def _promised(named: str) -> str:
    if Path(named).is_file():
        return Path(named).read_text("utf-8")
    shown = subprocess.run(  # noqa: S603 -- no shell; who runs it names the revision
        ["git", "show", f"{named}:{PAGE.name}"],  # noqa: S607 -- git is where the developer has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if shown.returncode != 0:
        raise CommandError(f"There is no file and no revision {named} with a page.")
    return shown.stdout

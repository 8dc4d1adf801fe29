"""`manage.py demo`: the smoke test of a running system."""

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from opencore.smoke.client import CallFailed, Client
from opencore.smoke.journey import PATIENCE, HopFailed, Journey


class Command(BaseCommand):
    """Sign up a fresh person and follow each event to its last effect."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where the gateway is, and how long to wait for one hop."""
        parser.add_argument(
            "--url",
            default=os.environ.get("OPENCORE_URL", "http://127.0.0.1:8000"),
            help="the gateway's address",
        )
        parser.add_argument("--patience", type=float, default=PATIENCE, help="seconds")

    def handle(self, *_args: Any, url: str, patience: float, **_options: Any) -> None:
        """Print each hop with its time; exit 1 with the one that failed."""
        if settings.PROFILE != "local":
            raise CommandError("The demo makes up people; it runs only locally.")
        journey = Journey(
            client=Client(url.rstrip("/")),
            mail_folder=Path(settings.LOCAL_DIR) / "mail",
            say=self.stdout.write,
            patience=patience,
        )
        try:
            journey.run()
        except (CallFailed, HopFailed, DatabaseError) as error:
            raise CommandError(f"Demo failed: {error}") from error
        except KeyboardInterrupt as error:
            raise CommandError("Demo stopped before its end.") from error
        self.stdout.write(
            f"Demo passed: {journey.address} signed up, opened an organization, paid,"
            " and every event arrived."
        )

"""`manage.py serve`: serves the gateway and the API until a signal ends it."""

import os
import shlex
import sys
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

_GUNICORN = ("-m", "gunicorn", "--config", "python:opencore.gunicorn")


class Command(BaseCommand):
    """Replace this process by the server, as a deployment starts it.

    Gunicorn reads DRAIN_SECONDS, WEB_CONCURRENCY and PORT from the environment.
    """

    help = __doc__ or ""
    # The server checks the settings and the database itself, with its own status.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to listen, and which server."""
        parser.add_argument(
            "--bind", default="127.0.0.1:8000", metavar="HOST:PORT", help="address"
        )
        parser.add_argument(
            "--server",
            choices=["gunicorn", "threads", "uvicorn"],
            default="gunicorn",
            help="gunicorn; uvicorn, in one process that can't be reloaded; or threads,"
            " which is Gunicorn with the WSGI application",
        )
        parser.add_argument(
            "--workers", type=int, default=None, help="processes of Gunicorn"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only say what would be run"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run it."""
        command = (sys.executable, *command_of(options))
        if options["dry_run"]:
            self.stdout.write(shlex.join(command))
            return
        self.stdout.write(f"Serves on http://{options['bind']}.")
        self.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 -- it is this Python


def command_of(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments of Python that serve."""
    host, colon, port = options["bind"].rpartition(":")
    if not colon or not port.isdecimal():
        raise CommandError("--bind is HOST:PORT, as in 0.0.0.0:8000.")
    if options["server"] == "uvicorn":
        if options["workers"] not in {None, 1}:
            raise CommandError("Uvicorn serves in one process; start it several times.")
        return ("-m", "opencore.uvicorn", "--host", host.strip("[]"), "--port", port)
    workers: tuple[str, ...] = ()
    if options["workers"] is not None:
        workers = ("--workers", str(options["workers"]))
    bound = (*_GUNICORN, "--bind", options["bind"], *workers)
    if options["server"] == "threads":
        threads = ("--worker-class", "opencore.serving.Threads", "--threads", "16")
        return (*bound, *threads, "opencore.wsgi:application")
    return (*bound, "opencore.asgi:application")

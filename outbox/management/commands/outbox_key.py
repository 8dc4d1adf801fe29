"""`manage.py outbox_key`: why a key waits, behind what, and since when."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from outbox.inspecting import Decision, Line, inspect_key


class Command(BaseCommand):
    """Say where events of a key wait and why, and what was decided about it."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which key, and the form of the answer."""
        parser.add_argument("key")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_args: Any, key: str, **options: Any) -> None:
        """Print it; the last line is the whole in one sentence."""
        report = inspect_key(key=key)
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json()))
            return
        for line in report.lines:
            self.stdout.write(_describe(line))
        for decision in report.decisions:
            self.stdout.write(_tell(decision))
        waiting = sum(line.waiting for line in report.lines)
        letters = sum(line.dead_letters for line in report.lines)
        self.stdout.write(
            f"{waiting} events of {key} wait, {letters} dead letters wait for a"
            " decision."
        )


def _describe(line: Line) -> str:
    since = f" since {line.since:%Y-%m-%d %H:%M:%S} UTC" if line.since else ""
    behind = f" Behind event {line.behind}." if line.behind else ""
    again = (
        f" Tried again at {line.resume_at:%Y-%m-%d %H:%M:%S} UTC."
        if line.resume_at
        else ""
    )
    return (
        f"{line.scope}: {line.topic}: {line.waiting} wait{since}."
        f" {line.why}{behind}{again}"
    )


def _tell(decision: Decision) -> str:
    return (
        f"{decision.at:%Y-%m-%d %H:%M:%S} UTC {decision.action}"
        f" ({decision.scope}) by {decision.actor}: {decision.reason}"
    )

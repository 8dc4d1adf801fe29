"""`manage.py outbox_status`: what waits, what is held, what is dead, who is at work."""

import json
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.template.defaultfilters import pluralize
from django.utils import timezone

from outbox.status import Status, read_status, to_json


class Command(BaseCommand):
    """Say how the outbox is."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the form of the answer."""
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print it; the last line is the whole in one sentence."""
        status = read_status(now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(to_json(status), indent=2))
            return
        for line in (*_troubles(status), *_lanes(status)):
            self.stdout.write(line)
        self.stdout.write(_sentence(status))


def _troubles(status: Status) -> list[str]:
    lines = [
        f"dead letters  {number:>8}  {scope}: {kind or 'unreadable'}"
        for scope, kinds in status.dead_letters.items()
        for kind, number in kinds.items()
    ]
    lines += [
        f"held keys     {number:>8}  {scope}"
        for scope, number in status.held_keys.items()
    ]
    lines += [
        f"parked        {number:>8}  {consumer}"
        for consumer, number in status.parked.items()
    ]
    lines += [
        f"paused topic  {pause.topic} since {pause.since:%Y-%m-%d %H:%M:%S} UTC:"
        f" {pause.reason}"
        for pause in status.paused_topics
    ]
    lines += [
        f"stray lane    {lane}: no relay serves it; OUTBOX_LANES is too small"
        for lane in status.stray_lanes
    ]
    return lines


def _lanes(status: Status) -> list[str]:
    owners = Counter(lane.owner for lane in status.lanes)
    return [
        f"lanes         {number:>8}  {owner or 'nobody'}"
        for owner, number in sorted(owners.items())
    ]


def _sentence(status: Status) -> str:
    about = "About " if status.pending_is_estimate else ""
    age = f", the oldest for {status.oldest_pending_seconds:.0f} s"
    waiting = f"{about}{_count(status.pending, 'event')} waiting"
    return (
        f"{waiting}{age if status.pending else ''};"
        f" {_count(sum(status.held_keys.values()), 'held key')},"
        f" {_count(status.dead, 'dead letter')},"
        f" {_count(len(status.paused_topics), 'paused topic')};"
        f" {status.served_lanes} of {len(status.lanes)} lanes have a relay."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{pluralize(number)}"

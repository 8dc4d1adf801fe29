"""`manage.py replay_outbox`: publishes events of the archive again."""

from typing import Any

from django.core.management.base import CommandParser

from outbox.management.replaying import OperationCommand, time_of, uuid_of
from outbox.models import Replay
from outbox.replay import ArchivePlan, ArchiveSelection, plan_archive, republish

FILTERS = ("id", "type", "topic", "key", "since", "until")


class Command(OperationCommand):
    """Show what would be published again, or do it with --execute and a reason."""

    help = (
        "Shows which delivered events would be published again; with --execute,"
        " publishes them under their old ids, in their old order within each key, behind"
        " all that was emitted since. Consumers that remember ids, as OpenCore's own do,"
        " pass over them. Exits with 1 if anything was refused."
    )
    fixed = FILTERS

    def add_filters(self, parser: CommandParser) -> None:
        """Take which events."""
        parser.add_argument(
            "--id",
            action="append",
            type=uuid_of,
            default=[],
            help="an event; may be repeated",
        )
        parser.add_argument("--type", help="type of event")
        parser.add_argument("--topic")
        parser.add_argument("--key")
        parser.add_argument(
            "--since", type=time_of, help="delivered at this time or later"
        )
        parser.add_argument("--until", type=time_of, help="delivered before this time")

    def describe(self, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return what the selection comes to."""
        planned = plan_archive(selection=_selection(options), limit=options["max"])
        sentence = (
            f"{planned.events} events of {planned.keys} keys would be published again;"
            ' add --execute --reason "…" to do it.'
        )
        return planned.to_json(), [*_describe(planned), sentence]

    def begin(self, *, options: dict[str, Any], **decided: Any) -> Replay:
        """Publish the events again."""
        return republish(selection=_selection(options), **decided)


def _selection(options: dict[str, Any]) -> ArchiveSelection:
    filters = {name: options[name] for name in FILTERS if name != "id"}
    return ArchiveSelection(ids=tuple(options["id"]), **filters)


def _describe(planned: ArchivePlan) -> list[str]:
    lines = [f"type {number:>10}  {what}" for what, number in planned.by_type.items()]
    if planned.first is not None and planned.last is not None:
        lines.append(
            f"delivered from {planned.first:%Y-%m-%d %H:%M:%S}"
            f" to {planned.last:%Y-%m-%d %H:%M:%S} UTC"
        )
    return lines

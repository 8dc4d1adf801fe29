"""`manage.py replay_deadletters`: sends dead letters on again, or gives them up."""

from typing import Any

from django.core.management.base import CommandParser

from outbox.management.replaying import OperationCommand, time_of, uuid_of
from outbox.models import Replay
from outbox.replay import Plan, Selection, plan, replay

FILTERS = (
    "id",
    "scope",
    "type",
    "topic",
    "key",
    "reason_class",
    "cause",
    "since",
    "until",
)


class Command(OperationCommand):
    """Show what would be replayed, or do it with --execute and a reason."""

    help = (
        "Shows which dead letters would be replayed; with --execute, replays them in"
        " the order of their keys. Exits with 1 if anything was refused."
    )
    fixed = (*FILTERS, "discard")

    def add_filters(self, parser: CommandParser) -> None:
        """Take which letters, and whether to give them up."""
        parser.add_argument(
            "--id",
            action="append",
            type=uuid_of,
            default=[],
            help="a letter or an event; may be repeated",
        )
        parser.add_argument("--scope", help="relay, or the name of a consumer")
        parser.add_argument("--type", help="type of event")
        parser.add_argument("--topic")
        parser.add_argument("--key")
        parser.add_argument("--reason-class", help="class of failure, such as event")
        parser.add_argument("--cause", help="cause, as a dry run names it")
        parser.add_argument("--since", type=time_of, help="dead at this time or later")
        parser.add_argument("--until", type=time_of, help="dead before this time")
        parser.add_argument(
            "--discard", action="store_true", help="give the letters up instead"
        )

    def describe(self, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return what the selection comes to."""
        planned = plan(selection=_selection(options), limit=options["max"])
        verb = "discarded" if options["discard"] else "replayed"
        sentence = (
            f"{planned.letters} events of {planned.keys} keys would be {verb};"
            ' add --execute --reason "…" to do it.'
        )
        return planned.to_json(), [*_describe(planned), sentence]

    def begin(self, *, options: dict[str, Any], **decided: Any) -> Replay:
        """Replay or discard the letters."""
        action = Replay.Action.DISCARD if options["discard"] else Replay.Action.REPLAY
        return replay(selection=_selection(options), action=action, **decided)


def _selection(options: dict[str, Any]) -> Selection:
    filters = {name: options[name] for name in FILTERS if name != "id"}
    return Selection(ids=tuple(options["id"]), **filters)


def _describe(planned: Plan) -> list[str]:
    lines = []
    for title, counts in (
        ("type", planned.by_type),
        ("scope", planned.by_scope),
        ("cause", planned.by_cause),
    ):
        lines += [
            f"{title:<7}{number:>8}  {what or 'unreadable'}"
            for what, number in counts.items()
        ]
    if planned.oldest is not None:
        lines.append(f"oldest died at {planned.oldest:%Y-%m-%d %H:%M:%S} UTC")
    if planned.resolved:
        lines.append(f"{planned.resolved} are resolved already and would be refused")
    lines.append(_say_order(planned))
    return lines


def _say_order(planned: Plan) -> str:
    if planned.overtaken is None:
        return "out of order: not known, the archive took too long to ask"
    if planned.overtaken == 0:
        return "out of order: none"
    return (
        f"out of order: {planned.overtaken}, since newer events of their keys were"
        " delivered already"
    )

"""`manage.py replay_deadletters`: sends dead letters on again, or gives them up."""

import json
import sys
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils.dateparse import parse_datetime

from outbox.management.deciding import whoever_types
from outbox.models import Replay, ReplayItem
from outbox.replay import (
    Plan,
    Progress,
    ReplayRefused,
    Selection,
    cancel,
    plan,
    replay,
    resume,
)

RATE = 50.0
REFUSALS_SHOWN = 20
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


class Command(BaseCommand):
    """Show what would be replayed, or do it with --execute and a reason."""

    help = (
        "Shows which dead letters would be replayed; with --execute, replays them in"
        " the order of their keys. Exits with 1 if anything was refused."
    )

    _progress: Progress | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which letters, how fast, and who decides it why."""
        _add_filters(parser)
        parser.add_argument("--max", type=_count, help="at most so many letters")
        parser.add_argument(
            "--rate", type=_rate, help=f"letters per second; {RATE:.0f} if left out"
        )
        parser.add_argument(
            "--stop-on-failure-rate",
            type=_share,
            help="stop when a greater share than this, 0 to 1, is refused",
        )
        parser.add_argument(
            "--discard", action="store_true", help="give the letters up instead"
        )
        parser.add_argument("--execute", action="store_true", help="really do it")
        parser.add_argument("--reason", default="", help="why; kept for the audit")
        parser.add_argument("--actor", default="", help="who; user@host if left out")
        parser.add_argument(
            "--resume",
            type=_id,
            metavar="OPERATION",
            help="do the rest of an operation",
        )
        parser.add_argument(
            "--cancel",
            type=_id,
            metavar="OPERATION",
            help="end an operation before its next letter",
        )
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Plan, replay or resume; refuse with a sentence what can't be meant."""
        try:
            if options["cancel"] is not None:
                self._cancel(options)
            elif options["resume"] is not None:
                self._resume(options)
            elif options["execute"]:
                self._replay(options)
            else:
                self._plan(options)
        except ReplayRefused as error:
            raise CommandError(str(error)) from error
        except (DatabaseError, KeyboardInterrupt) as error:
            raise CommandError(self._say_how_to_go_on(error)) from error

    def _plan(self, options: dict[str, Any]) -> None:
        planned = plan(selection=_selection(options), limit=options["max"])
        if options["json"]:
            self.stdout.write(
                json.dumps({"executed": False, "plan": planned.to_json()})
            )
            return
        for line in _describe(planned):
            self.stdout.write(line)
        verb = "discarded" if options["discard"] else "replayed"
        self.stdout.write(
            f"{planned.letters} events of {planned.keys} keys would be {verb};"
            ' add --execute --reason "…" to do it.'
        )

    def _replay(self, options: dict[str, Any]) -> None:
        if not options["reason"].strip():
            raise CommandError('--execute needs a reason: --reason "…".')
        action = Replay.Action.DISCARD if options["discard"] else Replay.Action.REPLAY
        operation = replay(
            selection=_selection(options),
            action=action,
            actor=options["actor"] or whoever_types(),
            reason=options["reason"],
            rate=options["rate"] or RATE,
            limit=options["max"],
            stop_on_failure_rate=options["stop_on_failure_rate"],
            on_progress=self._show_progress,
        )
        self._report(operation, as_json=options["json"])

    def _resume(self, options: dict[str, Any]) -> None:
        fixed = (*FILTERS, "max", "discard", "reason", "actor")
        given = [name for name in fixed if options[name]]
        if given:
            raise CommandError(
                "--resume does what its operation planned; leave out"
                f" {', '.join('--' + name.replace('_', '-') for name in given)}."
            )
        operation = resume(
            operation_id=options["resume"],
            rate=options["rate"],
            stop_on_failure_rate=options["stop_on_failure_rate"],
            on_progress=self._show_progress,
        )
        self._report(operation, as_json=options["json"])

    def _cancel(self, options: dict[str, Any]) -> None:
        operation = cancel(
            operation_id=options["cancel"],
            actor=options["actor"] or whoever_types(),
        )
        if options["json"]:
            self.stdout.write(json.dumps(_outcome(operation)))
            return
        ends = operation.state == Replay.State.CANCELED
        self.stdout.write(
            f"Operation {operation.id} {'is canceled' if ends else 'ends'}"
            f"{'' if ends else ' before its next letter'};"
            f" {operation.done} of {operation.planned} events were done."
        )

    def _show_progress(self, progress: Progress) -> None:
        self._progress = progress
        if self.stdout.isatty():
            tried = progress.done + progress.refused
            last = tried == progress.planned
            self.stdout.write(
                f"\r{tried} of {progress.planned}, {progress.refused} refused",
                ending="\n" if last else "",
            )
            self.stdout.flush()

    def _say_how_to_go_on(self, error: BaseException) -> str:
        what = str(error).strip() or "Interrupted"
        if self._progress is None:
            return f"{what}: nothing was done."
        return f"{what}: --resume {self._progress.operation_id} does the rest."

    def _report(self, operation: Replay, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(_outcome(operation)))
        else:
            self._tell(operation)
        if operation.refused or operation.state != Replay.State.DONE:
            _leave(1)

    def _tell(self, operation: Replay) -> None:
        for item in _refusals(operation)[:REFUSALS_SHOWN]:
            self.stdout.write(f"refused {item.letter_id}: {item.detail}")
        self.stdout.write(f"operation {operation.id} by {operation.actor}")
        if operation.state == Replay.State.STOPPED:
            self.stdout.write(
                "Stopped: too many were refused;"
                f" --resume {operation.id} goes on nevertheless."
            )
        if operation.state == Replay.State.CANCELED:
            self.stdout.write(f"Canceled by {operation.canceled_by}.")
        discards = operation.action == Replay.Action.DISCARD
        self.stdout.write(
            f"{'Discarded' if discards else 'Replayed'} {operation.done} of"
            f" {operation.planned} events; {operation.refused} refused."
        )


def _add_filters(parser: CommandParser) -> None:
    parser.add_argument(
        "--id",
        action="append",
        type=_id,
        default=[],
        help="a letter or an event; may be repeated",
    )
    parser.add_argument("--scope", help="relay, or the name of a consumer")
    parser.add_argument("--type", help="type of event")
    parser.add_argument("--topic")
    parser.add_argument("--key")
    parser.add_argument("--reason-class", help="class of failure, such as event")
    parser.add_argument("--cause", help="cause, as a dry run names it")
    parser.add_argument("--since", type=_time, help="dead at this time or later")
    parser.add_argument("--until", type=_time, help="dead before this time")


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


def _outcome(operation: Replay) -> dict[str, Any]:
    return {
        "executed": True,
        "operation": str(operation.id),
        "action": operation.action,
        "state": operation.state,
        "planned": operation.planned,
        "done": operation.done,
        "refused": operation.refused,
        "refusals": [
            {"letter": str(item.letter_id), "reason": item.detail}
            for item in _refusals(operation)
        ],
    }


def _refusals(operation: Replay) -> list[ReplayItem]:
    refused = operation.items.filter(outcome=ReplayItem.Outcome.REFUSED)
    return list(refused.order_by("id"))


def _leave(status: int) -> NoReturn:
    sys.exit(status)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no id; ids are UUIDs.") from error


def _time(text: str) -> datetime:
    try:
        moment = parse_datetime(text) or datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r} is no time; write 2026-03-01T12:00 (UTC) or with an offset."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no number of letters; write 1 or more.")
    return int(text)


def _rate(text: str) -> float:
    rate = _number(text)
    if not 0 < rate < float("inf"):
        raise ArgumentTypeError(
            f"{text!r} is no rate; write letters per second, above 0."
        )
    return rate


def _share(text: str) -> float:
    share = _number(text)
    if not 0 <= share <= 1:
        raise ArgumentTypeError(f"{text!r} is no share; write a number from 0 to 1.")
    return share


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")

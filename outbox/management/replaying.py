"""What commands share that carry out an operation item by item."""

import json
import sys
from abc import abstractmethod
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any, NoReturn, TextIO, cast
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils.dateparse import parse_datetime

from opencore.management.whoever import whoever_types
from outbox.management.progress import ProgressBar
from outbox.models import Replay, ReplayItem
from outbox.replay import Progress, ReplayRefused, cancel, resume

RATE = 50.0
REFUSALS_SHOWN = 20
VERBS = {
    Replay.Action.REPLAY: "Replayed",
    Replay.Action.DISCARD: "Discarded",
    Replay.Action.REPUBLISH: "Published again",
}


class OperationCommand(BaseCommand):
    """Shows what would be done; with --execute and a reason, does it, and can go on."""

    # What an operation has fixed, so that --resume refuses to be told it.
    fixed: tuple[str, ...]

    _progress: Progress | None = None
    _bar: ProgressBar | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how many, how fast, and who decides it why."""
        self.add_filters(parser)
        parser.add_argument("--max", type=_count, help="at most so many events")
        parser.add_argument(
            "--rate", type=_rate, help=f"events per second; {RATE:.0f} if left out"
        )
        parser.add_argument(
            "--stop-on-failure-rate",
            type=_share,
            help="stop when a greater share than this, 0 to 1, is refused",
        )
        parser.add_argument("--execute", action="store_true", help="really do it")
        parser.add_argument("--reason", default="", help="why; kept for the audit")
        parser.add_argument("--actor", default="", help="who; user@host if left out")
        parser.add_argument(
            "--resume",
            type=uuid_of,
            metavar="OPERATION",
            help="do the rest of an operation",
        )
        parser.add_argument(
            "--cancel",
            type=uuid_of,
            metavar="OPERATION",
            help="end an operation before its next events",
        )
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    @abstractmethod
    def add_filters(self, parser: CommandParser) -> None:
        """Take what is meant."""

    @abstractmethod
    def describe(self, options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return the plan as plain values and as lines, the last one a sentence."""

    @abstractmethod
    def begin(self, *, options: dict[str, Any], **decided: Any) -> Replay:
        """Decide it and carry it out. Raises ReplayRefused."""

    def handle(self, *_args: Any, **options: Any) -> None:
        """Plan, begin, resume or cancel; refuse with a sentence what can't be meant."""
        try:
            if options["cancel"] is not None:
                self._cancel(options)
            elif options["resume"] is not None:
                self._resume(options)
            elif options["execute"]:
                self._begin(options)
            else:
                self._plan(options)
        except ReplayRefused as error:
            raise CommandError(str(error)) from error
        except (DatabaseError, KeyboardInterrupt) as error:
            raise CommandError(self._say_how_to_go_on(error)) from error
        finally:
            self._end_bar()

    def _plan(self, options: dict[str, Any]) -> None:
        planned, lines = self.describe(options)
        if options["json"]:
            lines = [json.dumps({"executed": False, "plan": planned})]
        for line in lines:
            self.stdout.write(line)

    def _begin(self, options: dict[str, Any]) -> None:
        if not options["reason"].strip():
            raise CommandError('--execute needs a reason: --reason "…".')
        operation = self.begin(
            options=options,
            actor=options["actor"] or whoever_types(),
            reason=options["reason"],
            rate=options["rate"] or RATE,
            limit=options["max"],
            stop_on_failure_rate=options["stop_on_failure_rate"],
            on_progress=self._show_progress,
        )
        self._report(operation, as_json=options["json"])

    def _resume(self, options: dict[str, Any]) -> None:
        fixed = (*self.fixed, "max", "reason", "actor")
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
            f"{'' if ends else ' before its next letters'};"
            f" {operation.done} of {operation.planned} events were done."
        )

    def _show_progress(self, progress: Progress) -> None:
        self._progress = progress
        if self._bar is None and self.stdout.isatty():
            # The stub takes the stream that Django wraps for a function.
            stream = cast("TextIO", self.stdout._out)
            self._bar = ProgressBar(total=progress.planned, stream=stream)
        if self._bar is not None:
            self._bar.show(progress.done + progress.refused)

    def _end_bar(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.end()

    def _say_how_to_go_on(self, error: BaseException) -> str:
        what = str(error).strip() or "Interrupted"
        if self._progress is None:
            return f"{what}: nothing was done."
        return f"{what}: --resume {self._progress.operation_id} does the rest."

    def _report(self, operation: Replay, *, as_json: bool) -> None:
        self._end_bar()
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
        self.stdout.write(
            f"{VERBS[Replay.Action(operation.action)]} {operation.done} of"
            f" {operation.planned} events; {operation.refused} refused."
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


def uuid_of(text: str) -> UUID:
    """Read an id. Raises ArgumentTypeError with a sentence."""
    try:
        return UUID(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no id; ids are UUIDs.") from error


def time_of(text: str) -> datetime:
    """Read a time, in UTC if it says nothing else. Raises ArgumentTypeError."""
    try:
        moment = parse_datetime(text) or datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r} is no time; write 2026-03-01T12:00 (UTC) or with an offset."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no number of events; write 1 or more.")
    return int(text)


def _rate(text: str) -> float:
    rate = _number(text)
    if not 0 < rate < float("inf"):
        raise ArgumentTypeError(
            f"{text!r} is no rate; write events per second, above 0."
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

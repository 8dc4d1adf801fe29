"""`manage.py audit_verify`: proves that nobody changed the record of who did what."""

import json
import sys
from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandParser

from accounts.selectors.chain import NO_ORGANIZATION
from accounts.selectors.verifying import Verdict, chain_ids, verify_chain


class Command(BaseCommand):
    """Follow every chain of the record and name the first bad row of each."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which chains, from when on, and how to say it."""
        which = parser.add_mutually_exclusive_group()
        which.add_argument(
            "--organization", type=UUID, help="only this organization's chain"
        )
        which.add_argument(
            "--no-organization",
            action="store_true",
            help="only the chain of what belongs to no organization",
        )
        parser.add_argument(
            "--since", type=_moment, help="only what was sealed since then"
        )
        parser.add_argument("--json", action="store_true", help="print JSON lines")

    def handle(
        self,
        *_args: Any,
        organization: UUID | None,
        no_organization: bool,
        since: datetime | None,
        **options: Any,
    ) -> None:
        """Verify, and exit with 1 if anything is wrong."""
        chain = NO_ORGANIZATION if no_organization else organization
        verdicts = []
        for chain_id in chain_ids() if chain is None else [chain]:
            verdict = verify_chain(
                chain_id=chain_id,
                since=since,
                progress=partial(self._go_on, chain_id),
            )
            verdicts.append(verdict)
            self._say(verdict, as_json=options["json"])
        self.stdout.write(_summary(verdicts, as_json=options["json"]))
        if any(verdict.finding is not None for verdict in verdicts):
            sys.exit(1)

    def _go_on(self, chain_id: UUID, count: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{chain_id}: {count} entries", ending="")

    def _say(self, verdict: Verdict, *, as_json: bool) -> None:
        if self.stderr.isatty():
            self.stderr.write("")
        if as_json:
            self.stdout.write(json.dumps(asdict(verdict), default=str))
            return
        finding = verdict.finding
        if finding is not None:
            self.stdout.write(
                f"{verdict.chain_id}: {finding.wrong}"
                f" (number {finding.number}, seq {finding.seq},"
                f" entry {finding.entry_id})"
            )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no time") from error
    if moment.tzinfo is None:
        raise ArgumentTypeError(f"{text!r} has no time zone; end it with Z")
    return moment


def _summary(verdicts: Sequence[Verdict], *, as_json: bool) -> str:
    sealed = sum(verdict.sealed for verdict in verdicts)
    unsealed = sum(verdict.unsealed for verdict in verdicts)
    anchors = sum(verdict.anchors for verdict in verdicts)
    broken = sum(verdict.finding is not None for verdict in verdicts)
    if as_json:
        return json.dumps(
            {
                "chains": len(verdicts),
                "broken": broken,
                "sealed": sealed,
                "unsealed": unsealed,
                "anchors": anchors,
            }
        )
    return (
        f"Verified {sealed} entries of {len(verdicts)} chains against {anchors}"
        f" anchors; {broken} chains are broken, {unsealed} entries are not sealed yet."
    )

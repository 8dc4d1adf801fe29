"""`manage.py gateway_table`: shows the route table, changes it, takes it back."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.template.defaultfilters import pluralize

from gateway_proxy.core.documents import Document, parse_document
from gateway_proxy.core.table import Route, RouteTable
from gateway_proxy.selectors import Published, latest_published
from gateway_proxy.services import (
    Preview,
    preview_replacement,
    preview_restore,
    publish_table,
    served_table,
    table_document,
)
from opencore.errors import DomainError
from opencore.management.whoever import whoever_types


class Command(BaseCommand):
    """Show the route table, or say what would change of it and let it be published."""

    help = (
        "Shows the route table of the latest version, as this process's settings make"
        " it. A FILE holds all that is changed of the settings' table, in JSON; what"
        " is not in it is as the settings say again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to show or do, whether to do it, who decides it and why."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--json", action="store_true", help="show all of it in JSON")
        what.add_argument(
            "--changes",
            action="store_true",
            help="show what is changed of the settings' table, as a FILE",
        )
        what.add_argument(
            "--diff", metavar="FILE", type=Path, help="say what a file would change"
        )
        what.add_argument(
            "--apply", metavar="FILE", type=Path, help="publish a file, with --execute"
        )
        what.add_argument(
            "--rollback",
            metavar="VERSION",
            type=int,
            help="bring a version back, with --execute; 0 is the settings' table",
        )
        parser.add_argument("--execute", action="store_true", help="really do it")
        parser.add_argument("--reason", default="", help="why; kept with the version")
        parser.add_argument("--actor", default="", help="who; user@host if left out")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it; a refusal is a sentence and the exit status 1."""
        try:
            self._handle(options)
        except DomainError as error:
            raise CommandError(_in_lines(error)) from error
        except DatabaseError as error:
            raise CommandError(f"{error}: nothing was changed.") from error

    def _handle(self, options: dict[str, Any]) -> None:
        if options["rollback"] is not None:
            self._change(preview_restore(version=options["rollback"]), options)
        elif file := options["apply"] or options["diff"]:
            preview = preview_replacement(changes=_read(file))
            self._change(preview, {**options, "only_look": options["diff"]})
        elif options["changes"]:
            self.stdout.write(json.dumps(latest_published().changes, indent=2))
        else:
            self._show(latest_published(), as_json=options["json"])

    def _change(self, preview: Preview, options: dict[str, Any]) -> None:
        for difference in preview.differences:
            self.stdout.write(str(difference))
        count = len(preview.differences)
        if not options["execute"] or options.get("only_look"):
            self.stdout.write(
                f"{count} difference{pluralize(count)} to version {preview.based_on};"
                ' --apply or --rollback with --execute --reason "…" publishes.'
            )
            return
        version = publish_table(
            preview=preview,
            actor=options["actor"] or whoever_types(),
            reason=options["reason"],
        )
        self.stdout.write(
            f"Published version {version.version} with {count}"
            f" difference{pluralize(count)} to version {preview.based_on}."
        )

    def _show(self, latest: Published, *, as_json: bool) -> None:
        if as_json:
            document = table_document(published=latest)
            self.stdout.write(json.dumps(document, indent=2))
            return
        table = served_table(published=latest)
        for route in table.routes:
            self.stdout.write(_route_in_words(route))
        for name, limit in table.limits.items():
            shadow = ", in the shadow" if limit.shadow else ""
            policy = limit.policy
            self.stdout.write(
                f"limit {name}: {policy.rate:g} a second,"
                f" {policy.burst} at once{shadow}"
            )
        self.stdout.write(_sentence(table))


def _read(file: Path) -> Document:
    try:
        return parse_document(file.read_bytes())
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}.") from error


def _route_in_words(route: Route) -> str:
    public = f", {len(route.public)} public" if route.public else ""
    keys = ", API keys" if route.api_keys else ""
    return (
        f"{route.prefix} -> {', '.join(route.upstreams)}"
        f" (costs {route.cost}, {route.when_down} without Redis{public}{keys})"
    )


def _sentence(table: RouteTable) -> str:
    routes, plans, holders = len(table.routes), len(table.plans), len(table.plan_of)
    version = f"Version {table.version}" if table.version else "The settings' table"
    return (
        f"{version}: {routes} route{pluralize(routes)}, {plans} plan{pluralize(plans)},"
        f" {holders} assignment{pluralize(holders)}."
    )


def _in_lines(error: DomainError) -> str:
    places = [f"  {each.pointer or '/'}: {each.detail}" for each in error.errors]
    return "\n".join([error.detail, *places])

"""Writes an organization's record into a file, for who asked for it."""

import csv
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction

from accounts.models import AuditEntry, AuditExport, Organization
from accounts.selectors import audit_entries_of
from accounts.selectors.auditing import RECORD, personal_of
from accounts.services.auditing import record
from accounts.services.files import begin_file

log = logging.getLogger(__name__)

CHUNK = 1000
KEPT_FOR = timedelta(days=7)
# More is asked for in parts, by time: one job must end within its time.
MOST_ROWS = 1_000_000
MEDIA_TYPES = {
    AuditExport.Format.NDJSON: "application/x-ndjson",
    AuditExport.Format.CSV: "text/csv; charset=utf-8; header=present",
}
COLUMNS = (
    *("id", "occurred_at", "actor_id", "actor_kind", "on_behalf_of", "action"),
    *("outcome", "target_id", "justification", "metadata", "request_id"),
    *("ip", "user_agent"),
)
# What a spreadsheet takes for the beginning of a formula, in full width as well, and
# the apostrophe, so that one in front of a cell can be told from one that was put there.
DANGEROUS = "=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20'"


class TooManyRows(Exception):
    """There is more to export than one file may hold."""


@transaction.atomic
def request_audit_export(
    *,
    organization_id: UUID,
    export_format: AuditExport.Format,
    filters: Mapping[str, str],
    actor_id: UUID,
) -> AuditExport:
    """Note that an organization's record shall be written; raises ValidationFailed."""
    RECORD.conditions(filters, within=("filters",))
    export = AuditExport.objects.create(
        organization_id=organization_id,
        requested_by=actor_id,
        format=export_format,
        filters=dict(filters),
    )
    record(
        AuditEntry.Action.AUDIT_EXPORTED,
        target_id=export.id,
        actor_id=actor_id,
        organization_id=organization_id,
        format=str(export_format),
        filters=json.dumps(filters, sort_keys=True),
    )
    export.refresh_from_db()
    return export


def write_next_export(*, now: datetime) -> bool:
    """Write the export that waits longest; return whether there was one.

    All of it is one transaction: a worker that dies leaves nothing, and the export to
    another. One that fails by itself is marked as failed, and not tried again.
    """
    with transaction.atomic():
        export = (
            AuditExport.objects.filter(
                status__in=(AuditExport.Status.PENDING, AuditExport.Status.RUNNING)
            )
            .order_by("created_at")
            .select_for_update(skip_locked=True)
            .first()
        )
        if export is None:
            return False
        try:
            with transaction.atomic():
                _write(export, now)
        except OperationalError:
            raise
        except TooManyRows:
            _give_up(export, AuditExport.Reason.TOO_MANY_ROWS)
        except Exception:
            log.exception("audit export failed", extra={"export_id": str(export.id)})
            _give_up(export, AuditExport.Reason.ERROR)
        export.finished_at = now
        export.save(update_fields=["status", "reason", "rows", "finished_at", "file"])
    return True


def csv_cell(value: object) -> str:
    """Return the text of a cell that no spreadsheet takes for a formula.

    A dangerous beginning gets an apostrophe in front, which `plain_cell` takes away.
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(tuple(DANGEROUS)) else text


def plain_cell(cell: str) -> str:
    """Return what was written into a cell."""
    return cell.removeprefix("'")


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """Return rows as lines of CSV by RFC 4180."""
    for row in rows:
        line = io.StringIO(newline="")
        csv.writer(line, lineterminator="\r\n").writerow(map(csv_cell, row))
        yield line.getvalue().encode()


def _give_up(export: AuditExport, reason: AuditExport.Reason) -> None:
    export.status, export.reason = AuditExport.Status.FAILED, reason
    export.rows = export.file = None


def _write(export: AuditExport, now: datetime) -> None:
    export_format = AuditExport.Format(export.format)
    writer = begin_file(
        name=f"audit-{export.organization_id}-{now:%Y%m%dT%H%M%SZ}.{export_format}",
        media_type=MEDIA_TYPES[export_format],
        expires_at=now + KEPT_FOR,
        organization_id=export.organization_id,
    )
    written = 0
    for line in _LINES[export_format](_entries(export)):
        writer.write(line)
        written += 1
    export.file = writer.finish()
    # The first line of CSV names the columns.
    export.rows = written - (export_format == AuditExport.Format.CSV)
    export.status = AuditExport.Status.DONE


def _entries(export: AuditExport) -> Iterator[AuditEntry]:
    """Read the oldest first, in chunks, up to the newest there is now."""
    organization = Organization(id=export.organization_id)
    conditions = RECORD.conditions(export.filters)
    entries = audit_entries_of(organization=organization).filter(**conditions)
    newest = entries.order_by("-seq").values_list("seq", flat=True).first() or 0
    last, count = 0, 0
    while chunk := list(
        entries.filter(seq__gt=last, seq__lte=newest).order_by("seq")[:CHUNK]
    ):
        count += len(chunk)
        if count > MOST_ROWS:
            raise TooManyRows
        yield from chunk
        last = chunk[-1].seq


def _row(entry: AuditEntry) -> dict[str, Any]:
    personal = personal_of(entry)
    said = {} if personal is None else personal.data
    return {
        "id": str(entry.entry_id),
        "occurred_at": _time(entry.occurred_at),
        "actor_id": _id(entry.actor_id),
        "actor_kind": entry.actor_kind,
        "on_behalf_of": _id(entry.on_behalf_of),
        "action": entry.action,
        "outcome": entry.outcome,
        "target_id": str(entry.target_id),
        "justification": entry.justification,
        "metadata": entry.metadata,
        "request_id": entry.request_id,
        "ip": said.get("ip"),
        "user_agent": said.get("user_agent"),
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _ndjson(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    for entry in entries:
        yield json.dumps(_row(entry), separators=(",", ":")).encode() + b"\n"


def _csv(entries: Iterable[AuditEntry]) -> Iterator[bytes]:
    yield from csv_lines([COLUMNS])
    yield from csv_lines(_cells(entry) for entry in entries)


def _cells(entry: AuditEntry) -> Iterator[object]:
    row = _row(entry)
    row["metadata"] = json.dumps(row["metadata"], sort_keys=True)
    return (row[name] for name in COLUMNS)


_LINES: dict[str, Callable[[Iterable[AuditEntry]], Iterator[bytes]]] = {
    AuditExport.Format.NDJSON: _ndjson,
    AuditExport.Format.CSV: _csv,
}

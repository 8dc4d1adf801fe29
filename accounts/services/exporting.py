"""Writes a person's data into a file: one ZIP, a text of JSON lines per table."""

import logging
import zipfile
from datetime import datetime
from typing import IO, cast
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import selectors
from accounts.models import AuditEntry, DataRequest, File, User
from accounts.services.auditing import record
from accounts.services.files import begin_file
from opencore import privacy
from opencore.events.user.v1 import DataExportReady
from outbox.publishing import emit

log = logging.getLogger(__name__)


@transaction.atomic(durable=True)
def export_data(*, request_id: UUID, now: datetime) -> bool:
    """Write the copy that a person asked for; tell whether it was still to be done.

    File and outcome are one transaction: a worker that is killed leaves nothing, and
    the next one begins anew. Of two, one passes it over.
    """
    request = (
        selectors.due_requests(now=now)
        .filter(id=request_id, kind=DataRequest.Kind.EXPORT)
        .select_for_update(skip_locked=True, no_key=True)
        .first()
    )
    if request is None:
        return False
    user = User.objects.get(id=request.user_id)
    request.file, request.report = _write(user, now)
    request.status, request.finished_at = DataRequest.Status.DONE, now
    request.save(update_fields=["file", "report", "status", "finished_at"])
    record(
        AuditEntry.Action.DATA_REQUEST_DONE,
        target_id=user.id,
        actor_id=None,
        kind=request.kind,
    )
    emit(
        DataExportReady(
            user_id=user.id, request_id=request.id, expires_at=request.file.expires_at
        )
    )
    return True


def _write(user: User, now: datetime) -> tuple[File, dict[str, int]]:
    writer = begin_file(
        name=f"opencore-{now:%Y-%m-%d}.zip",
        media_type="application/zip",
        user_id=user.id,
        expires_at=now + settings.DATA_EXPORT_KEPT,
    )
    counts: dict[str, int] = {}
    # ZipFile asks of a stream that can't be rewound no more than to be written.
    stream = cast("IO[bytes]", writer)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in privacy.export(selectors.person_of(user)):
            with archive.open(f"{name}.ndjson", "w", force_zip64=True) as text:
                counts[name] = 0
                for row in rows:
                    text.write(privacy.to_line(row))
                    counts[name] += 1
    return writer.finish(), counts

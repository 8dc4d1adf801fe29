"""The record as a file: whole, with its digest, and harmless to a spreadsheet."""

import base64
import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AuditEntry, AuditExport, File, FilePart, Organization, User
from accounts.services import audit_exports, request_audit_export, write_next_export
from accounts.services.audit_exports import DANGEROUS, csv_lines, plain_cell
from accounts.services.auditing import record
from accounts.tasks import write_audit_exports
from opencore.context import Device, working_for
from outbox.connecting import open_connection
from tests.api import Api, assert_problem, body_of

NOW = datetime(2048, 2, 29, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def path_of(organization: Organization) -> str:
    return f"/v1/orgs/{organization.id}/audit-exports"


def note(organization_id: UUID, justification: str = "=1+1") -> AuditEntry:
    device = Device(ip="192.0.2.1", user_agent="@Browser")
    with working_for(request_id="request-1", device=device):
        return record(
            AuditEntry.Action.MEMBER_REMOVED,
            target_id=uuid4(),
            actor_id=None,
            organization_id=organization_id,
            justification=justification,
        )


def written(grace: User, acme: Organization, **body: object) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Let grace ask for an export; return its answer once it is written."""
    asked = Api(grace.id).post(path_of(acme), body)
    assert asked.status_code == 202
    assert write_next_export(now=timezone.now()) is True
    return body_of(Api(grace.id).get(asked["Location"]))


def content_of(grace: User, acme: Organization, export: Any) -> bytes:  # noqa: ANN401 -- JSON is any shape
    """Return what an export wrote."""
    answer = Api(grace.id).get(f"{path_of(acme)}/{export['id']}/content")
    assert answer.status_code == 200
    return bytes(answer.getvalue())


def test_an_export_is_accepted_and_its_place_is_told(
    grace: User, acme: Organization
) -> None:
    answer = Api(grace.id).post(path_of(acme), {"format": "csv"})

    export = AuditExport.objects.get()
    assert answer.status_code == 202
    assert answer["Location"] == f"{path_of(acme)}/{export.id}"
    assert body_of(answer) == {
        "id": str(export.id),
        "requested_by": str(grace.id),
        "format": "csv",
        "filters": {},
        "status": "pending",
        "reason": None,
        "rows": None,
        "created_at": export.created_at.isoformat().replace("+00:00", "Z"),
        "finished_at": None,
        "size": None,
        "sha256": None,
        "expires_at": None,
    }


def test_who_exports_the_record_stands_in_the_record(
    grace: User, acme: Organization
) -> None:
    Api(grace.id).post(path_of(acme), {"format": "csv", "filters": {"outcome": "done"}})

    entry = AuditEntry.objects.latest("seq")
    assert (entry.action, entry.actor_id) == ("audit.exported", grace.id)
    assert entry.target_id == AuditExport.objects.get().id
    assert entry.metadata == {"format": "csv", "filters": '{"outcome": "done"}'}


def test_the_lines_are_the_entries_oldest_first(
    grace: User, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_exports, "CHUNK", 2)
    note(uuid4())
    entry = note(acme.id)

    export = written(grace, acme, format="ndjson")

    rows = [json.loads(line) for line in content_of(grace, acme, export).splitlines()]
    found = AuditEntry.objects.filter(organization_id=acme.id).order_by("seq")
    ids = [str(entry_id) for entry_id in found.values_list("entry_id", flat=True)]
    assert [row["id"] for row in rows] == ids
    assert (export["status"], export["rows"]) == ("done", 5)
    assert rows[3] == {
        "id": str(entry.entry_id),
        "occurred_at": entry.occurred_at.astimezone(UTC)
        .isoformat()
        .replace("+00:00", "Z"),
        "actor_id": None,
        "actor_kind": "system",
        "on_behalf_of": None,
        "action": "member.removed",
        "outcome": "done",
        "target_id": str(entry.target_id),
        "justification": "=1+1",
        "metadata": {},
        "request_id": "request-1",
        "ip": "192.0.2.1",
        "user_agent": "@Browser",
    }


def test_a_table_has_a_line_of_names_and_no_formulas(
    grace: User, acme: Organization
) -> None:
    note(acme.id)

    export = written(grace, acme, format="csv", filters={"action": "member.removed"})

    text = content_of(grace, acme, export).decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert export["rows"] == 1
    assert (row["justification"], row["user_agent"]) == ("'=1+1", "'@Browser")
    assert (row["actor_id"], row["metadata"], row["ip"]) == ("", "{}", "192.0.2.1")
    assert text.endswith("\r\n")


@given(
    rows=st.lists(
        st.lists(st.text(alphabet=st.characters(codec="utf-8")), min_size=1),
        max_size=4,
    )
)
@pytest.mark.parametrize("prefix", ["", *DANGEROUS], ids=ascii)
def test_no_cell_begins_like_a_formula_and_every_text_comes_back(
    prefix: str, rows: list[list[str]]
) -> None:
    texts = [[prefix + text for text in row] for row in rows]

    content = b"".join(csv_lines(texts)).decode()

    cells = list(csv.reader(io.StringIO(content, newline="")))
    beginnings = {cell[0] for row in cells for cell in row if cell}
    assert beginnings & (set(DANGEROUS) - {"'"}) == set()
    assert [[plain_cell(cell) for cell in row] for row in cells] == texts


def test_the_digest_of_the_file_comes_with_it(grace: User, acme: Organization) -> None:
    export = written(grace, acme, format="csv")

    answer = Api(grace.id).get(f"{path_of(acme)}/{export['id']}/content")

    content = answer.getvalue()
    digest = hashlib.sha256(content).digest()
    assert export["sha256"] == digest.hex()
    assert answer["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest).decode()}:"
    assert answer["Content-Length"] == str(len(content)) == str(export["size"])
    assert answer["Content-Type"].startswith("text/csv")
    assert answer["Content-Disposition"].startswith('attachment; filename="audit-')
    assert answer["Cache-Control"] == "no-store"


def test_refuses_a_file_that_is_not_written_yet(
    grace: User, acme: Organization
) -> None:
    asked = Api(grace.id).post(path_of(acme), {"format": "csv"})

    answer = Api(grace.id).get(f"{asked['Location']}/content")

    assert_problem(answer, 409, "audit_export_not_ready")


def test_a_file_is_gone_after_a_week(grace: User, acme: Organization) -> None:
    export = written(grace, acme, format="csv")
    File.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    early = Api(grace.id).get(f"{path_of(acme)}/{export['id']}/content")
    write_audit_exports()

    assert_problem(early, 404, "not_found")
    assert (File.objects.count(), FilePart.objects.count()) == (0, 0)
    assert AuditExport.objects.get().status == "done"


def test_a_file_is_kept_for_a_week(acme: Organization, grace: User) -> None:
    request_audit_export(
        organization_id=acme.id,
        export_format=AuditExport.Format.CSV,
        filters={},
        actor_id=grace.id,
    )

    write_next_export(now=NOW)

    assert File.objects.get().expires_at == NOW + timedelta(days=7)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/format"),
        ({"format": "xlsx"}, "/format"),
        ({"format": "csv", "filters": {"actor": "7"}}, "/filters/actor"),
        ({"format": "csv", "filters": {"actor_id": "7"}}, "/filters/actor_id"),
        ({"format": "csv", "filters": {"actor_id": 7}}, "/filters/actor_id"),
        ({"format": "csv", "organization_id": "7"}, "/organization_id"),
    ],
)
def test_refuses_an_export_that_says_nothing_clear(
    grace: User, acme: Organization, body: object, pointer: str
) -> None:
    answer = Api(grace.id).post(path_of(acme), body)

    assert_problem(answer, 400, "validation_error", pointer)
    assert AuditExport.objects.count() == 0


def test_exports_are_listed_newest_first(grace: User, acme: Organization) -> None:
    made = [
        body_of(Api(grace.id).post(path_of(acme), {"format": text}))["id"]
        for text in ("csv", "ndjson")
    ]

    answer = body_of(Api(grace.id).get(path_of(acme)))

    assert [row["id"] for row in answer["data"]] == made[::-1]


def test_an_export_that_fails_by_itself_says_so_and_holds_up_nobody(
    grace: User, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_exports, "MOST_ROWS", 1)

    export = written(grace, acme, format="csv")

    assert (export["status"], export["rows"], export["size"]) == ("failed", None, None)
    assert export["reason"] == "too_many_rows"
    assert export["finished_at"] is not None
    assert (File.objects.count(), FilePart.objects.count()) == (0, 0)
    assert write_next_export(now=NOW) is False


def test_an_export_of_too_much_is_written_in_parts_by_time(
    grace: User, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    middle = note(acme.id).occurred_at.isoformat()
    monkeypatch.setattr(audit_exports, "MOST_ROWS", AuditEntry.objects.count() - 1)

    parts = [
        written(grace, acme, format="ndjson", filters={f"occurred_at[{way}]": middle})
        for way in ("lt", "gte")
    ]

    assert [part["status"] for part in parts] == ["done", "done"]
    assert [part["reason"] for part in parts] == [None, None]


def test_an_export_that_breaks_says_no_more_than_that(
    grace: User, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a secret of the inside")

    monkeypatch.setattr(audit_exports, "begin_file", broken)

    export = written(grace, acme, format="csv")

    assert (export["status"], export["reason"]) == ("failed", "error")
    assert "secret" not in json.dumps(export)


def test_an_export_whose_worker_lost_the_database_is_written_by_another(
    grace: User, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    Api(grace.id).post(path_of(acme), {"format": "csv"})
    with monkeypatch.context() as patch:
        patch.setattr(audit_exports, "_entries", lost)
        with pytest.raises(OperationalError):
            write_next_export(now=NOW)
    assert (AuditExport.objects.get().status, File.objects.count()) == ("pending", 0)

    assert write_next_export(now=NOW) is True
    assert AuditExport.objects.get().status == "done"


def lost(_export: AuditExport) -> None:
    raise OperationalError


@pytest.mark.django_db(transaction=True)
def test_an_export_that_somebody_writes_is_written_by_nobody_else(
    grace: User, acme: Organization
) -> None:
    Api(grace.id).post(path_of(acme), {"format": "csv"})
    other = open_connection(application_name="test-worker")
    with other.transaction():
        other.execute("select from accounts_auditexport for update")
        taken = write_next_export(now=NOW)
    other.close()

    assert taken is False
    assert write_next_export(now=NOW) is True
    assert connection.in_atomic_block is False

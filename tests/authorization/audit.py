"""What the operations of the record ask of who calls them."""

from accounts.roles import Permission
from tests.authorization.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(operation="read_audit_head", needs=Permission.AUDIT_READ, keys=True),
    Entry(operation="list_audit_exports", needs=Permission.AUDIT_EXPORT, keys=True),
    Entry(
        operation="create_audit_export",
        needs=Permission.AUDIT_EXPORT,
        body={"format": "ndjson", "filters": {"actor_id": "{member}"}},
        keys=True,
    ),
    Entry(
        operation="read_audit_export",
        needs=Permission.AUDIT_EXPORT,
        path={"export_id": "audit_export"},
        keys=True,
    ),
    Entry(
        operation="read_audit_export_content",
        needs=Permission.AUDIT_EXPORT,
        path={"export_id": "finished_audit_export"},
        keys=True,
    ),
)

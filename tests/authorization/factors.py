"""Sessions and second factors: each person's own."""

from tests.authorization.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(operation="read_session", needs="person"),
    Entry(
        operation="switch_organization",
        needs="person",
        body={"organization_id": None},
    ),
    Entry(operation="list_sessions", needs="person"),
    Entry(
        operation="label_session",
        needs="person",
        body={"device_label": "Phone"},
        path={"session_id": "session"},
    ),
    Entry(operation="end_session", needs="person", path={"session_id": "session"}),
    Entry(operation="end_other_sessions", needs="person"),
    Entry(operation="end_all_sessions", needs="person"),
)

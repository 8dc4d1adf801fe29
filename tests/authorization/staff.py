"""Where staff acts as people: operators and support."""

from tests.authorization.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(operation="list_impersonations", needs="staff"),
    Entry(
        operation="start_impersonation",
        needs="staff",
        body={"user_id": "{stranger}", "reason": "a test"},
        step_up=True,
    ),
    Entry(
        operation="end_impersonation",
        needs="staff",
        path={"impersonation_id": "impersonation"},
    ),
)

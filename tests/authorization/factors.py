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
    Entry(
        operation="verify_second_factor",
        needs="anybody",
        body={"ticket": "{ticket}", "code": "000000"},
    ),
    Entry(operation="begin_step_up", needs="person"),
    Entry(
        operation="finish_step_up",
        needs="person",
        body={"code": "{code_of_phone}"},
    ),
    Entry(operation="list_authenticators", needs="person"),
    Entry(
        operation="add_authenticator",
        needs="person",
        body={"name": "Phone"},
        step_up=True,
    ),
    Entry(
        operation="confirm_authenticator",
        needs="person",
        path={"authenticator_id": "authenticator"},
        body={"code": "{totp_code}"},
        step_up=True,
    ),
    Entry(
        operation="remove_authenticator",
        needs="person",
        path={"authenticator_id": "authenticator"},
        step_up=True,
    ),
    Entry(operation="make_recovery_codes", needs="person", step_up=True),
)

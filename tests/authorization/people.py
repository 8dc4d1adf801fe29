"""What people say about themselves, and their address: each for themselves."""

from tests.authorization.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        operation="update_me",
        needs="person",
        body={"name": "Ada", "locale": "de-AT", "time_zone": "Europe/Vienna"},
        if_match=True,
    ),
    Entry(
        operation="request_email_change",
        needs="person",
        body={"email": "new@example.com"},
        step_up=True,
    ),
    Entry(
        operation="verify_email_change",
        needs="person",
        body={"challenge_id": "{email_challenge}", "code": "12345678"},
    ),
)

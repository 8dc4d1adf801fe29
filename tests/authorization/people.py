"""What people say about themselves: each for themselves."""

from tests.authorization.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        operation="update_me",
        needs="person",
        body={"name": "Ada", "locale": "de-AT", "time_zone": "Europe/Vienna"},
        if_match=True,
    ),
)

"""Whom the requests for data and the acts of staff as others let through."""

from tests.authorization.entry import Entry

MINE = {"request_id": "data_request"}
DONE = {"request_id": "answered_data_request"}
ENTRIES: tuple[Entry, ...] = (
    Entry(operation="list_data_requests", needs="person"),
    Entry(operation="create_data_request", needs="person", body={"kind": "export"}),
    Entry(operation="read_data_request", needs="person", path=MINE),
    Entry(operation="cancel_data_request", needs="person", path=MINE),
    Entry(operation="read_data_request_content", needs="person", path=DONE),
)

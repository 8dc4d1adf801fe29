"""What the answers to invitations ask of who gives them."""

from tests.authorization.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        operation="read_invitation", needs="anybody", path={"token": "invitation_token"}
    ),
    Entry(
        operation="accept_invitation",
        needs="person",
        path={"token": "invitation_token"},
    ),
    Entry(operation="list_own_invitations", needs="person"),
    Entry(
        operation="accept_own_invitation",
        needs="person",
        path={"invitation_id": "own_invitation"},
    ),
    Entry(
        operation="decline_own_invitation",
        needs="person",
        path={"invitation_id": "own_invitation"},
    ),
)

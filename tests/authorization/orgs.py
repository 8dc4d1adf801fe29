"""What the operations of organizations ask of who calls them."""

from accounts.roles import Permission
from tests.authorization.entry import Entry

ENTRIES: tuple[Entry, ...] = (
    Entry(
        operation="update_organization",
        needs=Permission.ORG_UPDATE,
        body={"name": "Another name"},
        if_match=True,
        keys=True,
    ),
    Entry(operation="delete_organization", needs=Permission.ORG_DELETE, step_up=True),
    Entry(operation="list_roles", needs=Permission.ORG_READ, keys=True),
    Entry(
        operation="change_member",
        needs=Permission.ROLES_ASSIGN,
        body={"role": "viewer"},
        path={"user_id": "member"},
        keys=True,
    ),
    Entry(operation="list_invitations", needs=Permission.MEMBERS_INVITE, keys=True),
    Entry(
        operation="create_invitation",
        needs=Permission.MEMBERS_INVITE,
        body={"email": "new@example.com"},
        keys=True,
    ),
    Entry(
        operation="resend_invitation",
        needs=Permission.MEMBERS_INVITE,
        path={"invitation_id": "invitation"},
        keys=True,
    ),
    Entry(
        operation="revoke_invitation",
        needs=Permission.MEMBERS_INVITE,
        path={"invitation_id": "invitation"},
        keys=True,
    ),
    Entry(operation="read_ownership_transfer", needs=Permission.ORG_READ),
    Entry(
        operation="offer_ownership",
        needs=Permission.OWNERSHIP_TRANSFER,
        body={"user_id": "{member}"},
        step_up=True,
    ),
    # Whom it was offered, which nobody was, or every owner: tests/accounts tell.
    Entry(operation="accept_ownership", needs=Permission.ORG_READ, step_up=True),
    Entry(operation="cancel_ownership_transfer", needs=Permission.ORG_READ),
    Entry(operation="leave_organization", needs=Permission.ORG_READ),
)

"""What billing does on the occasion of others' events."""

from uuid import UUID

from billing.services import forget_member, note_member, open_customer
from opencore.events.org.v1 import MemberAdded, MemberRemoved, OrgCreated
from opencore.events.user.v1 import UserCreated
from outbox.consuming import handles


@handles(UserCreated, in_batches=True)
def open_customer_for_new_user(event: UserCreated, _event_id: UUID) -> None:
    """Open the customer of a person who signed in for the first time."""
    open_customer(user_id=event.user_id, email=event.email, actor_id=None)


@handles(OrgCreated, in_batches=True)
def open_customer_for_new_org(event: OrgCreated, _event_id: UUID) -> None:
    """Open the customer of a new organization."""
    open_customer(org_id=event.org_id, actor_id=event.created_by)


@handles(MemberAdded, in_batches=True)
def note_member_who_was_added(event: MemberAdded, _event_id: UUID) -> None:
    """Know who may pay for an organization."""
    note_member(org_id=event.org_id, user_id=event.user_id, role=event.role)


@handles(MemberRemoved, in_batches=True)
def forget_member_who_was_removed(event: MemberRemoved, _event_id: UUID) -> None:
    """Know who may no longer."""
    forget_member(org_id=event.org_id, user_id=event.user_id)

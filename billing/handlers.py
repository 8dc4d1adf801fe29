"""What billing does on the occasion of others' events."""

from collections.abc import Sequence
from uuid import UUID

from billing.services import (
    follow_to_address,
    forget_contact,
    forget_member,
    forget_members,
    note_members,
    note_role,
    open_customer,
)
from opencore.events.org.v1 import (
    MemberAdded,
    MemberRemoved,
    MemberResumed,
    MemberRoleChanged,
    MemberSuspended,
    OrgCreated,
    OrgDeleted,
)
from opencore.events.user.v1 import UserCreated, UserEmailChanged, UserErased
from outbox.consuming import Heard, handles, handles_together


@handles(UserCreated, in_batches=True)
def open_customer_for_new_user(event: UserCreated, _event_id: UUID) -> None:
    """Open the customer of a person who signed in for the first time."""
    open_customer(user_id=event.user_id, email=event.email, actor_id=None)


@handles(UserEmailChanged, in_batches=True)
def follow_user_to_new_address(event: UserEmailChanged, _event_id: UUID) -> None:
    """Know where a person gets mail now."""
    follow_to_address(user_id=event.user_id, email=event.email, version=event.version)


@handles(OrgCreated, in_batches=True)
def open_customer_for_new_org(event: OrgCreated, _event_id: UUID) -> None:
    """Open the customer of a new organization."""
    open_customer(org_id=event.org_id, actor_id=event.created_by)


@handles_together(MemberAdded)
def note_members_who_were_added(heard: Sequence[Heard[MemberAdded]]) -> None:
    """Know who may pay for an organization."""
    added = [one.event for one in heard]
    note_members(roles={(each.org_id, each.user_id): each.role for each in added})


@handles(MemberRemoved, in_batches=True)
def forget_member_who_was_removed(event: MemberRemoved, _event_id: UUID) -> None:
    """Know who may no longer."""
    forget_member(org_id=event.org_id, user_id=event.user_id)


@handles(MemberRoleChanged, in_batches=True)
def note_role_of_member(event: MemberRoleChanged, _event_id: UUID) -> None:
    """Know what a member is now."""
    note_role(org_id=event.org_id, user_id=event.user_id, role=event.role)


@handles(MemberSuspended, in_batches=True)
def forget_member_who_was_suspended(event: MemberSuspended, _event_id: UUID) -> None:
    """Know who may nothing for a while."""
    forget_member(org_id=event.org_id, user_id=event.user_id)


@handles_together(MemberResumed)
def note_members_who_were_resumed(heard: Sequence[Heard[MemberResumed]]) -> None:
    """Know who may again."""
    resumed = [one.event for one in heard]
    note_members(roles={(each.org_id, each.user_id): each.role for each in resumed})


@handles(OrgDeleted, in_batches=True)
def forget_members_of_deleted_org(event: OrgDeleted, _event_id: UUID) -> None:
    """Let nobody see what an organization that is gone was billed."""
    forget_members(org_id=event.org_id)


@handles(UserErased, in_batches=True)
def forget_contact_of_erased_user(event: UserErased, _event_id: UUID) -> None:
    """Forget what events brought that were on their way when a person was erased."""
    forget_contact(user_id=event.user_id)

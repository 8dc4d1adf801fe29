"""Answers to invitations: who is asked joins, or declines."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.errors import InvitationClosed, InvitationExpired, WrongAddress
from accounts.models import AuditEntry, Invitation, Membership, User
from accounts.roles import Role
from accounts.services.auditing import record
from accounts.services.holding import lock_active_organization, lock_organization
from accounts.services.inviting import end_invitation
from accounts.services.members import add_member
from opencore.errors import NotFound
from opencore.events.org.v1 import InvitationAccepted
from opencore.tenancy import enter_organization
from outbox.publishing import emit


@transaction.atomic
def accept_invitation(
    *, invitation_id: UUID, user_id: UUID, now: datetime
) -> Membership:
    """Make the person a member whose address was invited.

    Raises NotFound, WrongAddress, InvitationClosed, InvitationExpired, AlreadyMember,
    DomainNotAllowed, SeatLimitReached or OrganizationSuspended.
    """
    invitation = _let_in(invitation_id, user_id, now)
    organization = lock_active_organization(invitation.organization_id)
    # Whoever changes an invitation holds the lock: what it says now, it says.
    invitation = _open_to(invitation_id, user_id, now)
    invitation.accepted_at, invitation.accepted_by = now, user_id
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    record(
        AuditEntry.Action.INVITATION_ACCEPTED,
        target_id=invitation.id,
        actor_id=user_id,
        organization_id=organization.id,
    )
    emit(
        InvitationAccepted(
            org_id=organization.id,
            org_name=organization.name,
            invitation_id=invitation.id,
            user_id=user_id,
            role=invitation.role,
            invited_by=invitation.invited_by,
        )
    )
    return add_member(
        organization_id=organization.id,
        user_id=user_id,
        role=Role(invitation.role),
        actor_id=user_id,
        invited_by=invitation.invited_by,
    )


@transaction.atomic
def decline_invitation(*, invitation_id: UUID, user_id: UUID, now: datetime) -> None:
    """Let an invitation be good for nothing because who is asked does not want to.

    Raises NotFound, WrongAddress, InvitationClosed or InvitationExpired.
    """
    invitation = _let_in(invitation_id, user_id, now)
    lock_organization(invitation.organization_id)
    invitation = _open_to(invitation_id, user_id, now)
    end_invitation(invitation, reason="declined", actor_id=user_id, now=now)


def _let_in(invitation_id: UUID, user_id: UUID, now: datetime) -> Invitation:
    invitation = _open_to(invitation_id, user_id, now)
    enter_organization(invitation.organization_id)
    return invitation


def _open_to(invitation_id: UUID, user_id: UUID, now: datetime) -> Invitation:
    invitation = Invitation.objects.filter(id=invitation_id).first()
    if invitation is None:
        raise NotFound
    if invitation.email.lower() != User.objects.get(id=user_id).email.lower():
        raise WrongAddress
    if invitation.is_answered():
        raise InvitationClosed
    if invitation.expires_at <= now:
        raise InvitationExpired
    return invitation

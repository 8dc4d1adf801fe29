"""Invitations: an address is asked to join an organization, once more, or no longer."""

import logging
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import selectors
from accounts.errors import (
    AlreadyInvited,
    AlreadyMember,
    InvitationClosed,
    InvitationLimitReached,
    ResendLimitReached,
)
from accounts.models import AuditEntry, Invitation, Membership, Organization
from accounts.roles import Role, may_grant
from accounts.services.auditing import record
from accounts.services.holding import (
    lock_active_organization,
    lock_organization,
    require_domain,
    require_seat,
)
from accounts.services.limiting import back_at
from opencore.errors import Forbidden, NotFound, RateLimited
from opencore.events.org.v1 import (
    InvitationCreated,
    InvitationResent,
    InvitationRevoked,
)
from opencore.hashing import lookup_hash
from opencore.sealing import seal
from outbox.publishing import emit

log = logging.getLogger(__name__)

TOKEN_BYTES = 32
DAY = timedelta(days=1)


@transaction.atomic
def invite(
    *, organization_id: UUID, email: str, role: Role, actor_id: UUID, now: datetime
) -> Invitation:
    """Ask who has an address to become a member; whether anybody has is not looked up.

    Raises AlreadyMember, AlreadyInvited, DomainNotAllowed, SeatLimitReached,
    InvitationLimitReached, RateLimited or OrganizationSuspended.
    """
    organization = lock_active_organization(organization_id)
    require_domain(organization, email)
    _refuse_member(organization, email)
    _make_way(organization, email, actor_id, now)
    _require_room(organization, now)
    _refuse_too_many(organization, now)
    token = new_token()
    invitation = Invitation.objects.create(
        organization=organization,
        email=email,
        role=role,
        token_hmac=lookup_hash(token, purpose=selectors.INVITATION_TOKEN),
        invited_by=actor_id,
        created_at=now,
        sent_at=now,
        expires_at=now + settings.INVITATION_LIFETIME,
    )
    _record(AuditEntry.Action.INVITATION_CREATED, invitation, actor_id, role=role.value)
    emit(InvitationCreated(**_mail(invitation, token)))
    return invitation


@transaction.atomic
def resend_invitation(
    *,
    organization_id: UUID,
    invitation_id: UUID,
    own_role: Role,
    actor_id: UUID,
    now: datetime,
) -> Invitation:
    """Send an invitation once more, with a new link; the old one is good for nothing.

    Raises NotFound, Forbidden, InvitationClosed, ResendLimitReached, RateLimited, and
    for one that was too old what a new one would raise.
    """
    organization = lock_active_organization(organization_id)
    invitation = _unanswered(organization, invitation_id, own_role)
    _refuse_resend(invitation, now)
    if invitation.expires_at <= now:
        _require_room(organization, now)
    token = new_token()
    invitation.token_hmac = lookup_hash(token, purpose=selectors.INVITATION_TOKEN)
    invitation.sent_at, invitation.sent_count = now, invitation.sent_count + 1
    invitation.expires_at = now + settings.INVITATION_LIFETIME
    invitation.save(update_fields=["token_hmac", "sent_at", "sent_count", "expires_at"])
    _record(AuditEntry.Action.INVITATION_RESENT, invitation, actor_id)
    emit(InvitationResent(**_mail(invitation, token)))
    return invitation


@transaction.atomic
def revoke_invitation(
    *,
    organization_id: UUID,
    invitation_id: UUID,
    own_role: Role,
    actor_id: UUID,
    now: datetime,
) -> Invitation:
    """Let nobody accept an invitation; raises NotFound, Forbidden, InvitationClosed."""
    organization = lock_organization(organization_id)
    invitation = _unanswered(organization, invitation_id, own_role)
    end_invitation(invitation, reason="revoked", actor_id=actor_id, now=now)
    return invitation


def delete_stale_invitations(*, now: datetime) -> int:
    """Forget whom somebody asked long ago; return how many."""
    old = Invitation.objects.filter(expires_at__lt=now - settings.INVITATIONS_KEPT)
    deleted, _ = old.delete()
    return deleted


def end_invitation(
    invitation: Invitation, *, reason: str, actor_id: UUID, now: datetime
) -> None:
    """Let an invitation of a locked organization be good for nothing."""
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    _record(AuditEntry.Action.INVITATION_REVOKED, invitation, actor_id, reason=reason)
    emit(
        InvitationRevoked(
            org_id=invitation.organization_id,
            invitation_id=invitation.id,
            reason=reason,
        )
    )


def new_token() -> str:
    """Return what nobody guesses, and what logs and scanners know for a secret."""
    return f"oci_{secrets.token_urlsafe(TOKEN_BYTES)}"


def _unanswered(
    organization: Organization, invitation_id: UUID, own_role: Role
) -> Invitation:
    found = Invitation.objects.filter(organization=organization, id=invitation_id)
    invitation = found.select_related("organization").first()
    if invitation is None:
        raise NotFound
    if not may_grant(own_role, Role(invitation.role)):
        raise Forbidden
    if invitation.is_answered():
        raise InvitationClosed
    return invitation


def _refuse_member(organization: Organization, email: str) -> None:
    members = Membership.objects.filter(organization=organization)
    if members.filter(user__in=selectors.users_with_address(email=email)).exists():
        raise AlreadyMember


def _make_way(
    organization: Organization, email: str, actor_id: UUID, now: datetime
) -> None:
    unanswered = Invitation.objects.unanswered().filter(organization=organization)
    former = unanswered.to_address(email).first()
    if former is None:
        return
    if former.expires_at > now:
        raise AlreadyInvited
    end_invitation(former, reason="expired", actor_id=actor_id, now=now)


def _require_room(organization: Organization, now: datetime) -> None:
    open_ = Invitation.objects.open(now).filter(organization=organization).count()
    if open_ >= settings.INVITATIONS_MOST_OPEN:
        raise InvitationLimitReached
    members = Membership.objects.filter(organization=organization).count()
    require_seat(organization, taken=members + open_)


def _refuse_too_many(organization: Organization, now: datetime) -> None:
    most = settings.INVITATIONS_PER_DAY
    made = Invitation.objects.filter(
        organization=organization, created_at__gt=now - DAY
    ).order_by("-created_at")
    # The oldest of those that fill the day: when it is over there is room for one.
    for moment in made.values_list("created_at", flat=True)[most - 1 : most]:
        raise RateLimited(headers=back_at(moment + DAY, now))


def _refuse_resend(invitation: Invitation, now: datetime) -> None:
    if invitation.sent_count >= settings.INVITATION_MOST_SENT:
        raise ResendLimitReached
    again = invitation.sent_at + settings.INVITATION_RESEND_AFTER
    if again > now:
        raise RateLimited(headers=back_at(again, now))


def _mail(invitation: Invitation, token: str) -> dict[str, Any]:
    return {
        "org_id": invitation.organization_id,
        "org_name": invitation.organization.name,
        "invitation_id": invitation.id,
        "email": invitation.email,
        "role": str(invitation.role),
        "invited_by": invitation.invited_by,
        "inviter": selectors.name_of_inviter(invitation=invitation),
        "sealed_token": seal(token),
        "expires_at": invitation.expires_at,
    }


def _record(
    action: AuditEntry.Action, invitation: Invitation, actor_id: UUID, **metadata: str
) -> None:
    record(
        action,
        target_id=invitation.id,
        actor_id=actor_id,
        organization_id=invitation.organization_id,
        **metadata,  # type: ignore[arg-type]  # -- mypy takes them for the other parameters
    )
    log.info(
        "invitation changed",
        extra={"action": action.value, "invitation_id": str(invitation.id)},
    )

"""Asking somebody to join, and the link that they get."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from accounts.models import Invitation, Organization, User
from accounts.roles import Role
from accounts.services import invite
from opencore.events.org.v1 import InvitationCreated, InvitationResent
from opencore.sealing import unseal
from outbox.envelope import from_bytes
from outbox.models import OutboxEvent


def invitations(organization: Organization) -> str:
    """Return where the invitations of an organization are."""
    return f"/v1/orgs/{organization.id}/invitations"


def invited(
    organization: Organization,
    by: User,
    email: str = "mallory@example.com",
    role: Role = Role.MEMBER,
    now: datetime | None = None,
) -> Invitation:
    """Return an invitation that was made just now."""
    return invite(
        organization_id=organization.id,
        email=email,
        role=role,
        actor_id=by.id,
        now=now or timezone.now(),
    )


def mailed_token(invitation_id: UUID) -> str:
    """Return the token of the link that was mailed last."""
    for row in OutboxEvent.objects.order_by("-id"):
        event = from_bytes(bytes(row.payload)).event
        if (
            isinstance(event, InvitationCreated | InvitationResent)
            and event.invitation_id == invitation_id
        ):
            return unseal(event.sealed_token)
    raise AssertionError("no link was sent")

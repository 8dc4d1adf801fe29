"""Who is asked to join what."""

from datetime import datetime

from django.db.models import (
    Case,
    QuerySet,
    Value,
    When,
)

from accounts.models import Invitation, Organization, User

# What the hashes of the links' tokens are made for.
INVITATION_TOKEN = "invitation"  # noqa: S105 -- the name of a purpose
PENDING, ACCEPTED, REVOKED, EXPIRED = "pending", "accepted", "revoked", "expired"
STATUSES = (PENDING, ACCEPTED, REVOKED, EXPIRED)


def invitations_of(
    *, organization: Organization, now: datetime
) -> QuerySet[Invitation]:
    """Return whom an organization asked to join, each with its `status` now."""
    status = Case(
        When(accepted_at__isnull=False, then=Value(ACCEPTED)),
        When(revoked_at__isnull=False, then=Value(REVOKED)),
        When(expires_at__lte=now, then=Value(EXPIRED)),
        default=Value(PENDING),
    )
    return Invitation.objects.filter(organization=organization).annotate(status=status)


def name_of_inviter(*, invitation: Invitation) -> str:
    """Return how people know who invited; of a program, the organization's name."""
    person = User.objects.filter(id=invitation.invited_by, erased_at=None).first()
    if person is None:
        return invitation.organization.name
    return person.name or person.email

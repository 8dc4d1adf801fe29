"""Who is asked to join what."""

from datetime import datetime
from uuid import UUID

from django.db.models import (
    Case,
    OuterRef,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)

from accounts.models import Invitation, Organization, User
from opencore.errors import NotFound
from opencore.hashing import lookup_hashes
from opencore.tenancy import show_links

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


def invitation_by_token(*, token: str) -> Invitation:
    """Return the invitation whose link was followed; raises NotFound."""
    hashes = lookup_hashes(token, purpose=INVITATION_TOKEN)
    show_links(hashes)
    invitation = Invitation.objects.filter(token_hmac__in=hashes).first()
    if invitation is None:
        raise NotFound
    return invitation


def open_invitation_by_token(*, token: str, now: datetime) -> Invitation:
    """Return the same with its `inviter`; raises NotFound if it can't be accepted."""
    found = Invitation.objects.open(now).filter(id=invitation_by_token(token=token).id)
    invitation = _with_inviters(found).first()
    if invitation is None:
        raise NotFound
    return invitation


def invitations_to(*, user: User, now: datetime) -> QuerySet[Invitation]:
    """Return what a person is asked to join, each with its `inviter`."""
    theirs = Invitation.objects.open(now).to_address(user.email)
    return _with_inviters(theirs.exclude(organization__memberships__user=user))


def invitation_to(*, user: User, invitation_id: UUID) -> Invitation:
    """Return an invitation to a person's address; raises NotFound for another's."""
    theirs = Invitation.objects.to_address(user.email)
    invitation = theirs.filter(id=invitation_id).first()
    if invitation is None:
        raise NotFound
    return invitation


def _with_inviters(invitations: QuerySet[Invitation]) -> QuerySet[Invitation]:
    known = Case(When(name="", then="email"), default="name", output_field=TextField())
    people = User.objects.filter(id=OuterRef("invited_by"), erased_at=None)
    return invitations.select_related("organization").annotate(
        inviter=Subquery(people.annotate(known=known).values("known")[:1])
    )

"""Who belongs to which organization."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Membership, Organization, OwnershipTransfer
from opencore.errors import NotFound
from opencore.tokens import MOST_ORGANIZATIONS


def memberships_of_user(*, user_id: UUID) -> QuerySet[Membership]:
    """Return a person's places in organizations."""
    return (
        Membership.objects.filter(user_id=user_id, status=Membership.Status.ACTIVE)
        .exclude(organization__status=Organization.Status.DELETED)
        .select_related("organization")
    )


def organization_ids_of(*, user_id: UUID) -> list[UUID]:
    """Return a person's organizations, as many as a token names, earliest first."""
    memberships = memberships_of_user(user_id=user_id)
    found = memberships.order_by("created_at", "id")[:MOST_ORGANIZATIONS]
    return list(found.values_list("organization_id", flat=True))


def membership_in(*, organization_id: UUID, user_id: UUID) -> Membership:
    """Return a person's place in an organization; raises NotFound to outsiders."""
    membership = (
        Membership.objects.filter(organization_id=organization_id, user_id=user_id)
        .select_related("organization", "user")
        .first()
    )
    if membership is None:
        raise NotFound
    return membership


def open_transfer_of(
    *, organization: Organization, now: datetime
) -> OwnershipTransfer | None:
    """Return the offer of an organization's ownership that can be accepted, if any."""
    offers = OwnershipTransfer.objects.open(now)
    return offers.filter(organization=organization).first()


def members_of(*, organization: Organization) -> QuerySet[Membership]:
    """Return who belongs to an organization."""
    return Membership.objects.filter(organization=organization).select_related("user")

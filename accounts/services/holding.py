"""Lets changes of one organization happen one after the other."""

from uuid import UUID

from accounts.errors import (
    DomainNotAllowed,
    OrganizationSuspended,
    SeatLimitReached,
)
from accounts.models import Organization
from opencore.errors import NotFound


def lock_organization(organization_id: UUID) -> Organization:
    """Return an organization that nobody else changes meanwhile; raises NotFound.

    Whoever counts its members, its owners or its invitations counts under this lock.
    """
    organization = (
        Organization.objects.select_for_update(no_key=True)
        .exclude(status=Organization.Status.DELETED)
        .filter(id=organization_id)
        .first()
    )
    if organization is None:
        raise NotFound
    return organization


def lock_active_organization(organization_id: UUID) -> Organization:
    """Return the same, if it can be used; raises NotFound, OrganizationSuspended."""
    organization = lock_organization(organization_id)
    if organization.status != Organization.Status.ACTIVE:
        raise OrganizationSuspended
    return organization


def require_domain(organization: Organization, email: str) -> None:
    """Raise DomainNotAllowed if the organization takes no such address."""
    if not organization.takes(email):
        raise DomainNotAllowed


def require_seat(organization: Organization, *, taken: int) -> None:
    """Raise SeatLimitReached if one more than those would be too many."""
    limit = organization.member_limit
    if limit is not None and taken >= limit:
        raise SeatLimitReached

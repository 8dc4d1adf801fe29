"""What may be seen, and by whom: the only way to an organization."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import AuditEntry, Membership, Organization, Session, User
from opencore.errors import FieldProblem, Forbidden, NotFound, ValidationFailed
from opencore.tokens import MOST_ORGANIZATIONS, TokenInvalid


def get_active_user(*, user_id: UUID) -> User:
    """Return who a token speaks of; raises TokenInvalid if they may act no more."""
    user = User.objects.filter(id=user_id, is_active=True).first()
    if user is None:
        raise TokenInvalid
    return user


def get_user_to_add(*, user_id: UUID | None, email: str | None) -> User:
    """Return the active user with this id or address; raises ValidationFailed."""
    named, pointer = User.objects.none(), "/user_id"
    if user_id is not None:
        named = User.objects.filter(id=user_id)
    elif email is not None:
        named, pointer = User.objects.with_address(email), "/email"
    user = named.filter(is_active=True).first()
    if user is None:
        problem = FieldProblem(pointer, "unknown_user", "There is no such user.")
        raise ValidationFailed(errors=(problem,))
    return user


def sessions_revoked_since(*, since: datetime) -> QuerySet[Session]:
    """Return the sessions that were ended before their time, lately."""
    return Session.objects.filter(revoked_at__gt=since).order_by("revoked_at")


def memberships_of_user(*, user_id: UUID) -> QuerySet[Membership]:
    """Return a person's places in organizations."""
    return Membership.objects.filter(user_id=user_id).select_related("organization")


def organization_ids_of(*, user_id: UUID) -> list[UUID]:
    """Return a person's organizations, as many as a token names, earliest first."""
    memberships = Membership.objects.filter(user_id=user_id)
    found = memberships.order_by("created_at", "id")[:MOST_ORGANIZATIONS]
    return list(found.values_list("organization_id", flat=True))


def membership_in(*, organization_id: UUID, user_id: UUID) -> Membership:
    """Return a person's own place in an organization; raises NotFound to outsiders."""
    found = memberships_of_user(user_id=user_id).filter(organization_id=organization_id)
    membership = found.first()
    if membership is None:
        raise NotFound
    return membership


def organization_for_member(*, organization_id: UUID, user_id: UUID) -> Organization:
    """Return an organization to one of its members; raises NotFound to outsiders."""
    return membership_in(organization_id=organization_id, user_id=user_id).organization


def organization_for_admin(*, organization_id: UUID, user_id: UUID) -> Organization:
    """Return an organization to an owner or admin; raises Forbidden to members."""
    membership = membership_in(organization_id=organization_id, user_id=user_id)
    if not membership.manages():
        raise Forbidden
    return membership.organization


def organization_for_granting(
    *, organization_id: UUID, user_id: UUID, role: Membership.Role
) -> Organization:
    """Return an organization to who may give this role in it; raises Forbidden."""
    membership = membership_in(organization_id=organization_id, user_id=user_id)
    if not membership.may_grant(role):
        raise Forbidden
    return membership.organization


def organization_for_removing(
    *, organization_id: UUID, member_id: UUID, user_id: UUID
) -> Organization:
    """Return an organization to who may remove this member of it; raises Forbidden.

    Everybody may remove themselves.
    """
    membership = membership_in(organization_id=organization_id, user_id=user_id)
    if member_id != user_id:
        if not membership.manages():
            raise Forbidden
        other = membership_in(organization_id=organization_id, user_id=member_id)
        if not membership.may_grant(Membership.Role(other.role)):
            raise Forbidden
    return membership.organization


def members_of(*, organization: Organization) -> QuerySet[Membership]:
    """Return who belongs to an organization."""
    return Membership.objects.filter(organization=organization).select_related("user")


def audit_entries_of(*, organization: Organization) -> QuerySet[AuditEntry]:
    """Return what was done in an organization."""
    return AuditEntry.objects.filter(organization_id=organization.id)

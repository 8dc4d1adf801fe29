"""Members: they join, change and go, and somebody always owns the organization."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from uuid import UUID

import pgtrigger
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.errors import AlreadyMember, LastOwner
from accounts.models import AuditEntry, Membership, Organization, User
from accounts.roles import PERMISSIONS, Role, may_grant
from accounts.services.auditing import record
from accounts.services.holding import (
    lock_organization,
    require_domain,
    require_seat,
)
from opencore.errors import Forbidden, NotFound
from opencore.events.org.v1 import (
    MemberAdded,
    MemberRemoved,
    MemberResumed,
    MemberRoleChanged,
    MemberSuspended,
)
from outbox.publishing import emit


@transaction.atomic
def add_member(
    *,
    organization_id: UUID,
    user_id: UUID,
    role: Role,
    actor_id: UUID | None,
    invited_by: UUID | None = None,
) -> Membership:
    """Make a user a member in a role.

    Raises AlreadyMember, DomainNotAllowed or SeatLimitReached.
    """
    organization = lock_organization(organization_id)
    members = Membership.objects.filter(organization=organization)
    if members.filter(user_id=user_id).exists():
        raise AlreadyMember
    require_domain(organization, User.objects.get(id=user_id).email)
    require_seat(organization, taken=members.count())
    membership = Membership.objects.create(
        organization=organization, user_id=user_id, role=role, invited_by=invited_by
    )
    record(
        AuditEntry.Action.MEMBER_ADDED,
        target_id=user_id,
        actor_id=actor_id,
        organization_id=organization_id,
        role=role.value,
    )
    emit(MemberAdded(org_id=organization_id, user_id=user_id, role=role.value))
    return membership


@transaction.atomic
def change_role_of_member(
    *,
    organization_id: UUID,
    user_id: UUID,
    role: Role,
    own_role: Role | None,
    actor_id: UUID | None,
) -> None:
    """Give a member another role; `own_role` is the actor's, None an operator's.

    Nobody gives or takes more than they have, but everybody may lower themselves.
    Raises NotFound, Forbidden or LastOwner.
    """
    organization = lock_organization(organization_id)
    membership = _lock_member(organization_id, user_id)
    previous = Role(membership.role)
    lowers_oneself = user_id == actor_id and PERMISSIONS[role] < PERMISSIONS[previous]
    if own_role is not None and not lowers_oneself:
        _require_grant(own_role, previous)
        _require_grant(own_role, role)
    if role != previous:
        set_role(organization, membership, role, actor_id=actor_id)


@transaction.atomic
def suspend_member(
    *,
    organization_id: UUID,
    user_id: UUID,
    own_role: Role | None,
    actor_id: UUID | None,
) -> None:
    """Let a member do nothing for a while; nobody does that to themselves.

    Raises NotFound, Forbidden or LastOwner.
    """
    organization = lock_organization(organization_id)
    membership = _lock_member(organization_id, user_id)
    _require_power_over(membership, own_role, actor_id)
    if membership.status == Membership.Status.SUSPENDED:
        return
    with _an_owner_is_left():
        _save(organization, membership, status=Membership.Status.SUSPENDED)
    _record(AuditEntry.Action.MEMBER_SUSPENDED, membership, actor_id)
    emit(MemberSuspended(org_id=organization_id, user_id=user_id, by=actor_id))


@transaction.atomic
def resume_member(
    *,
    organization_id: UUID,
    user_id: UUID,
    own_role: Role | None,
    actor_id: UUID | None,
) -> None:
    """Let a suspended member do again what their role allows.

    Raises NotFound or Forbidden.
    """
    organization = lock_organization(organization_id)
    membership = _lock_member(organization_id, user_id)
    _require_power_over(membership, own_role, actor_id)
    if membership.status == Membership.Status.ACTIVE:
        return
    _save(organization, membership, status=Membership.Status.ACTIVE)
    _record(AuditEntry.Action.MEMBER_RESUMED, membership, actor_id)
    emit(
        MemberResumed(
            org_id=organization_id, user_id=user_id, role=membership.role, by=actor_id
        )
    )


@transaction.atomic
def remove_member(
    *,
    organization_id: UUID,
    user_id: UUID,
    actor_id: UUID | None,
    own_role: Role | None = None,
) -> None:
    """End a membership; everybody may end their own, and the system all.

    Raises NotFound without one, Forbidden, or LastOwner for the last owner's.
    """
    organization = lock_organization(organization_id)
    membership = _lock_member(organization_id, user_id)
    if own_role is not None and user_id != actor_id:
        _require_grant(own_role, Role(membership.role))
    with _an_owner_is_left():
        membership.delete()
        _note_change(organization)
    _record(AuditEntry.Action.MEMBER_REMOVED, membership, actor_id)
    emit(MemberRemoved(org_id=organization_id, user_id=user_id))


def set_role(
    organization: Organization,
    membership: Membership,
    role: Role,
    *,
    actor_id: UUID | None,
) -> None:
    """Give a member of a locked organization another role; raises LastOwner."""
    previous = membership.role
    with _an_owner_is_left():
        _save(organization, membership, role=role)
    _record(
        AuditEntry.Action.MEMBER_ROLE_CHANGED,
        membership,
        actor_id,
        {"role": role.value, "previous_role": previous},
    )
    emit(
        MemberRoleChanged(
            org_id=organization.id,
            user_id=membership.user_id,
            role=role.value,
            previous_role=previous,
            by=actor_id,
        )
    )


def _lock_member(organization_id: UUID, user_id: UUID) -> Membership:
    membership = (
        Membership.objects.select_for_update(no_key=True)
        .filter(organization_id=organization_id, user_id=user_id)
        .first()
    )
    if membership is None:
        raise NotFound
    return membership


def _require_power_over(
    membership: Membership, own_role: Role | None, actor_id: UUID | None
) -> None:
    if membership.user_id == actor_id:
        raise Forbidden
    if own_role is not None:
        _require_grant(own_role, Role(membership.role))


def _require_grant(own_role: Role, role: Role) -> None:
    if not may_grant(own_role, role):
        raise Forbidden


def _save(organization: Organization, membership: Membership, **changes: str) -> None:
    for name, value in changes.items():
        setattr(membership, name, value)
    membership.version = F("version") + 1
    membership.save(update_fields=[*changes, "version"])
    _note_change(organization)


def _note_change(organization: Organization) -> None:
    # What the organization says to a member depends on their role.
    organization.version = F("version") + 1
    organization.save(update_fields=["version"])


@contextmanager
def _an_owner_is_left() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            # The database looks now, where its refusal can still be understood.
            pgtrigger.constraints(
                pgtrigger.Immediate, "accounts.Membership:organization_has_owner"
            )
    except IntegrityError as error:
        raise LastOwner from error


def _record(
    action: AuditEntry.Action,
    membership: Membership,
    actor_id: UUID | None,
    metadata: Mapping[str, str] = MappingProxyType({}),
) -> None:
    record(
        action,
        target_id=membership.user_id,
        actor_id=actor_id,
        organization_id=membership.organization_id,
        **metadata,  # type: ignore[arg-type]  # -- mypy takes them for the other parameters
    )

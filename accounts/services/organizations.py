"""Organizations: who belongs to them, and that somebody always owns them."""

import logging
from uuid import UUID

import pgtrigger
from django.db import IntegrityError, transaction

from accounts.errors import AlreadyMember, LastOwner
from accounts.models import AuditEntry, Membership, Organization
from accounts.roles import Role
from accounts.services.auditing import record
from opencore.errors import NotFound
from opencore.events.org.v1 import MemberAdded, MemberRemoved, OrgCreated
from opencore.tenancy import enter_organization
from outbox.publishing import emit

log = logging.getLogger(__name__)


@transaction.atomic
def create_organization(*, name: str, actor_id: UUID) -> Organization:
    """Open an organization that the actor owns."""
    organization = Organization(name=name, created_by=actor_id)
    enter_organization(organization.id)
    organization.save(force_insert=True)
    record(
        AuditEntry.Action.ORGANIZATION_CREATED,
        target_id=organization.id,
        actor_id=actor_id,
        organization_id=organization.id,
    )
    emit(OrgCreated(org_id=organization.id, name=name, created_by=actor_id))
    add_member(
        organization_id=organization.id,
        user_id=actor_id,
        role=Membership.Role.OWNER,
        actor_id=actor_id,
    )
    log.info("organization created", extra={"org_id": str(organization.id)})
    return organization


@transaction.atomic
def add_member(
    *,
    organization_id: UUID,
    user_id: UUID,
    role: Role,
    actor_id: UUID | None,
) -> Membership:
    """Make a user a member in a role; raises AlreadyMember."""
    try:
        with transaction.atomic():
            membership = Membership.objects.create(
                organization_id=organization_id, user_id=user_id, role=role
            )
    except IntegrityError as error:
        raise AlreadyMember from error
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
def remove_member(
    *, organization_id: UUID, user_id: UUID, actor_id: UUID | None
) -> None:
    """End a membership; raises NotFound without one, LastOwner for the last owner's."""
    try:
        with transaction.atomic():
            removed, _ = Membership.objects.filter(
                organization_id=organization_id, user_id=user_id
            ).delete()
            # The database looks now, where its refusal can still be understood.
            pgtrigger.constraints(
                pgtrigger.Immediate, "accounts.Membership:organization_has_owner"
            )
    except IntegrityError as error:
        raise LastOwner from error
    if not removed:
        raise NotFound
    record(
        AuditEntry.Action.MEMBER_REMOVED,
        target_id=user_id,
        actor_id=actor_id,
        organization_id=organization_id,
    )
    emit(MemberRemoved(org_id=organization_id, user_id=user_id))

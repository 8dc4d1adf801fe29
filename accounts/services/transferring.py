"""The ownership of an organization passes on: one offers it, another accepts."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from accounts.errors import TransferClosed, TransferPending
from accounts.models import AuditEntry, Membership, Organization, OwnershipTransfer
from accounts.roles import Role
from accounts.services.auditing import record
from accounts.services.holding import lock_active_organization, lock_organization
from accounts.services.members import set_role
from opencore.errors import FieldProblem, Forbidden, ValidationFailed
from opencore.events.org.v1 import (
    OwnershipOfferCancelled,
    OwnershipOffered,
    OwnershipTransferred,
)
from outbox.publishing import emit

log = logging.getLogger(__name__)

Action = AuditEntry.Action


@transaction.atomic
def offer_ownership(
    *, organization_id: UUID, to_user_id: UUID, actor_id: UUID, now: datetime
) -> OwnershipTransfer:
    """Offer the ownership of an organization to a member, who has to accept it.

    Raises Forbidden to who does not own it, ValidationFailed for who can't be given it,
    TransferPending or OrganizationSuspended.
    """
    organization = lock_active_organization(organization_id)
    if not _is(organization, actor_id, Role.OWNER):
        raise Forbidden
    _require_heir(organization, to_user_id)
    _make_way(organization, actor_id, now)
    transfer = OwnershipTransfer.objects.create(
        organization=organization,
        from_user_id=actor_id,
        to_user_id=to_user_id,
        created_at=now,
        expires_at=now + settings.OWNERSHIP_OFFER_LIFETIME,
    )
    _record(Action.OWNERSHIP_OFFERED, transfer, actor_id)
    emit(OwnershipOffered(**_names(transfer), expires_at=transfer.expires_at))
    return transfer


@transaction.atomic
def accept_ownership(*, organization_id: UUID, actor_id: UUID, now: datetime) -> None:
    """Make who was offered the ownership an owner, and who offered it an admin.

    Raises TransferClosed, Forbidden to everybody else, or OrganizationSuspended.
    """
    transfer = _open_transfer(lock_organization(organization_id), now)
    organization = lock_active_organization(organization_id)
    if transfer.to_user_id != actor_id:
        raise Forbidden
    if not _can_pass(transfer):
        raise TransferClosed
    transfer.accepted_at = now
    transfer.save(update_fields=["accepted_at"])
    for user_id, role in (
        (transfer.to_user_id, Role.OWNER),
        (transfer.from_user_id, Role.ADMIN),
    ):
        membership = _members(organization).get(user_id=user_id)
        if membership.role != role:
            set_role(organization, membership, role, actor_id=actor_id)
    _record(Action.OWNERSHIP_TRANSFERRED, transfer, actor_id)
    emit(OwnershipTransferred(**_names(transfer)))
    log.info("ownership transferred", extra={"org_id": str(organization_id)})


@transaction.atomic
def cancel_transfer(*, organization_id: UUID, actor_id: UUID, now: datetime) -> None:
    """End an offer: who made it, who got it and every owner may.

    Raises TransferClosed, or Forbidden to everybody else.
    """
    organization = lock_organization(organization_id)
    transfer = _open_transfer(organization, now)
    sides = {transfer.from_user_id, transfer.to_user_id}
    if actor_id not in sides and not _is(organization, actor_id, Role.OWNER):
        raise Forbidden
    _cancel(transfer, actor_id, now)


def _require_heir(organization: Organization, user_id: UUID) -> None:
    if not _is(organization, user_id, *Role):
        code, detail = "unknown_member", "There is no such active member."
    elif _is(organization, user_id, Role.OWNER):
        code, detail = "is_owner", "This member is an owner already."
    else:
        return
    raise ValidationFailed(errors=(FieldProblem("/user_id", code, detail),))


def _make_way(organization: Organization, actor_id: UUID, now: datetime) -> None:
    former = _unanswered(organization)
    if former is None:
        return
    if former.expires_at > now and _can_pass(former):
        raise TransferPending
    _cancel(former, actor_id, now)


def _cancel(transfer: OwnershipTransfer, actor_id: UUID, now: datetime) -> None:
    transfer.cancelled_at = now
    transfer.save(update_fields=["cancelled_at"])
    _record(Action.OWNERSHIP_OFFER_CANCELLED, transfer, actor_id)
    emit(OwnershipOfferCancelled(**_names(transfer), by=actor_id))


def _open_transfer(organization: Organization, now: datetime) -> OwnershipTransfer:
    transfer = _unanswered(organization)
    if transfer is None or transfer.expires_at <= now:
        raise TransferClosed
    return transfer


def _unanswered(organization: Organization) -> OwnershipTransfer | None:
    # Whoever answers an offer holds the organization.
    unanswered = OwnershipTransfer.objects.unanswered()
    return unanswered.filter(organization=organization).first()


def _can_pass(transfer: OwnershipTransfer) -> bool:
    """Tell whether one of the two still owns it and the other still belongs to it."""
    organization = transfer.organization
    return _is(organization, transfer.from_user_id, Role.OWNER) and _is(
        organization, transfer.to_user_id, *Role
    )


def _is(organization: Organization, user_id: UUID, *roles: Role) -> bool:
    active = _members(organization).filter(status=Membership.Status.ACTIVE)
    return active.filter(user_id=user_id, role__in=roles).exists()


def _members(organization: Organization) -> QuerySet[Membership]:
    return Membership.objects.filter(organization=organization)


def _names(transfer: OwnershipTransfer) -> dict[str, Any]:
    return {
        "org_id": transfer.organization_id,
        "org_name": transfer.organization.name,
        "transfer_id": transfer.id,
        "from_user_id": transfer.from_user_id,
        "to_user_id": transfer.to_user_id,
    }


def _record(action: Action, transfer: OwnershipTransfer, actor_id: UUID) -> None:
    record(
        action,
        target_id=transfer.to_user_id,
        actor_id=actor_id,
        organization_id=transfer.organization_id,
        offered_by=str(transfer.from_user_id),
    )

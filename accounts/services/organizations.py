"""Organizations: they are opened, changed, suspended, resumed and deleted."""

import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.text import slugify

from accounts.errors import SlugTaken
from accounts.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Organization,
    OwnershipTransfer,
    ServiceAccount,
)
from accounts.roles import Role
from accounts.services.api_keys import end_keys
from accounts.services.auditing import record
from accounts.services.holding import lock_organization
from accounts.services.members import add_member
from opencore.events.org.v1 import (
    InvitationRevoked,
    OrgCreated,
    OrgDeleted,
    OrgUpdated,
)
from opencore.tenancy import enter_organization
from outbox.publishing import emit, emit_all

log = logging.getLogger(__name__)

LONGEST_DERIVED_SLUG = 50
UNIQUE_SLUG = "accounts_organization_slug_unique"


@transaction.atomic
def create_organization(
    *, name: str, slug: str | None = None, actor_id: UUID
) -> Organization:
    """Open an organization that the actor owns; without a slug it is given one.

    Raises SlugTaken.
    """
    organization = _open(name, slug, actor_id)
    record(
        AuditEntry.Action.ORGANIZATION_CREATED,
        target_id=organization.id,
        actor_id=actor_id,
        organization_id=organization.id,
    )
    emit(
        OrgCreated(
            org_id=organization.id,
            name=name,
            created_by=actor_id,
            slug=organization.slug,
        )
    )
    add_member(
        organization_id=organization.id,
        user_id=actor_id,
        role=Role.OWNER,
        actor_id=actor_id,
    )
    log.info("organization created", extra={"org_id": str(organization.id)})
    return organization


@transaction.atomic
def update_organization(
    *,
    organization_id: UUID,
    changes: Mapping[str, Any],
    actor_id: UUID,
    check: Callable[[Organization], None],
    now: datetime,
) -> Organization:
    """Change name, slug or settings, the named settings alone.

    `check` looks at the locked organization, and may refuse. Raises SlugTaken.
    """
    organization = lock_organization(organization_id)
    check(organization)
    changed = _differences(organization, changes)
    if not changed:
        return organization
    for name, value in changed.items():
        setattr(organization, name, value)
    organization.updated_at, organization.version = now, organization.version + 1
    try:
        with transaction.atomic():
            organization.save(update_fields=[*changed, "updated_at", "version"])
    except IntegrityError as error:
        raise _refusal(error) from error
    record(
        AuditEntry.Action.ORGANIZATION_UPDATED,
        target_id=organization.id,
        actor_id=actor_id,
        organization_id=organization.id,
        changed=",".join(sorted(changed)),
    )
    _tell_updated(organization)
    return organization


@transaction.atomic
def delete_organization(
    *, organization_id: UUID, actor_id: UUID, now: datetime
) -> None:
    """Let nothing of an organization be shown or used any more; its slug is free."""
    organization = lock_organization(organization_id)
    _set_status(organization, Organization.Status.DELETED, now)
    Organization.objects.filter(id=organization_id).update(slug=str(organization_id))
    _end_what_leads_in(organization, actor_id, now)
    record(
        AuditEntry.Action.ORGANIZATION_DELETED,
        target_id=organization_id,
        actor_id=actor_id,
        organization_id=organization_id,
    )
    emit(OrgDeleted(org_id=organization_id, deleted_by=actor_id))
    log.info("organization deleted", extra={"org_id": str(organization_id)})


@transaction.atomic
def suspend_organization(
    *, organization_id: UUID, reason: str, actor_id: UUID, now: datetime
) -> None:
    """Let an organization be read, and not used, until operators resume it."""
    organization = lock_organization(organization_id)
    if organization.status == Organization.Status.SUSPENDED:
        return
    _set_status(organization, Organization.Status.SUSPENDED, now)
    _note_decision(
        AuditEntry.Action.ORGANIZATION_SUSPENDED, organization, reason, actor_id
    )


@transaction.atomic
def resume_organization(
    *, organization_id: UUID, reason: str, actor_id: UUID, now: datetime
) -> None:
    """Let a suspended organization be used again."""
    organization = lock_organization(organization_id)
    if organization.status == Organization.Status.ACTIVE:
        return
    _set_status(organization, Organization.Status.ACTIVE, now)
    _note_decision(
        AuditEntry.Action.ORGANIZATION_RESUMED, organization, reason, actor_id
    )


def _open(name: str, slug: str | None, actor_id: UUID) -> Organization:
    plain = slugify(name).replace("_", "-")[:LONGEST_DERIVED_SLUG]
    derived = "-".join(part for part in plain.split("-") if part) or "org"
    try:
        return _insert(name, slug or derived, actor_id)
    except SlugTaken:
        if slug is not None:
            raise
    return _insert(name, f"{derived}-{secrets.token_hex(4)}", actor_id)


def _insert(name: str, slug: str, actor_id: UUID) -> Organization:
    organization = Organization(name=name, slug=slug, created_by=actor_id)
    enter_organization(organization.id)
    try:
        with transaction.atomic():
            organization.save(force_insert=True)
    except IntegrityError as error:
        raise _refusal(error) from error
    return organization


def _refusal(error: IntegrityError) -> Exception:
    diagnosis = getattr(error.__cause__, "diag", None)
    broken = getattr(diagnosis, "constraint_name", None)
    return SlugTaken() if broken == UNIQUE_SLUG else error


def _differences(
    organization: Organization, changes: Mapping[str, Any]
) -> dict[str, Any]:
    wanted = dict(changes)
    if "settings" in wanted:
        wanted["settings"] = {**organization.settings, **wanted["settings"]}
    return {
        name: value
        for name, value in wanted.items()
        if getattr(organization, name) != value
    }


def _set_status(
    organization: Organization, status: Organization.Status, now: datetime
) -> None:
    organization.status = status
    organization.updated_at, organization.version = now, F("version") + 1
    organization.save(update_fields=["status", "updated_at", "version"])


def _note_decision(
    action: AuditEntry.Action, organization: Organization, reason: str, actor_id: UUID
) -> None:
    record(
        action,
        target_id=organization.id,
        actor_id=actor_id,
        organization_id=organization.id,
        justification=reason,
    )
    _tell_updated(organization)


def _tell_updated(organization: Organization) -> None:
    emit(
        OrgUpdated(
            org_id=organization.id,
            name=organization.name,
            slug=organization.slug,
            status=organization.status,
        )
    )


def _end_what_leads_in(
    organization: Organization, actor_id: UUID, now: datetime
) -> None:
    invited = Invitation.objects.unanswered().filter(organization=organization)
    for invitation in invited:
        invitation.revoked_at = now
        invitation.save(update_fields=["revoked_at"])
    emit_all(
        [
            InvitationRevoked(
                org_id=organization.id, invitation_id=invitation.id, reason="deleted"
            )
            for invitation in invited
        ]
    )
    OwnershipTransfer.objects.unanswered().filter(organization=organization).update(
        cancelled_at=now
    )
    end_keys(
        ApiKey.objects.filter(organization=organization, revoked_at=None).order_by(
            "id"
        ),
        reason="deleted",
        actor_id=actor_id,
        now=now,
    )
    ServiceAccount.objects.filter(organization=organization, disabled_at=None).update(
        disabled_at=now
    )

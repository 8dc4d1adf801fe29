"""Service accounts: programs are let in as members are, in a role, until disabled."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.errors import ServiceAccountNameTaken
from accounts.models import ApiKey, AuditEntry, Organization, ServiceAccount
from accounts.roles import Role
from accounts.services.api_keys import end_keys
from accounts.services.auditing import record
from accounts.services.holding import lock_organization
from opencore.errors import NotFound

UNIQUE_NAME = "accounts_service_account_name_once"
Check = Callable[[ServiceAccount], None]


@transaction.atomic
def create_service_account(
    *, organization_id: UUID, name: str, role: Role, actor_id: UUID
) -> ServiceAccount:
    """Let an organization have a program of a name; raises ServiceAccountNameTaken."""
    organization = lock_organization(organization_id)
    account = ServiceAccount(
        organization=organization, name=name, role=role, created_by=actor_id
    )
    _save(account)
    account.refresh_from_db()
    record(
        AuditEntry.Action.SERVICE_ACCOUNT_CREATED,
        target_id=account.id,
        actor_id=actor_id,
        organization_id=organization_id,
        role=role.value,
    )
    return account


@transaction.atomic
def update_service_account(
    *,
    organization_id: UUID,
    account_id: UUID,
    changes: Mapping[str, str],
    actor_id: UUID,
    check: Check,
) -> ServiceAccount:
    """Give a program another name or role, which holds for its keys at once.

    `check` looks at the account, and may refuse. Raises NotFound or
    ServiceAccountNameTaken.
    """
    account = _find(lock_organization(organization_id), account_id)
    check(account)
    changed = {
        name: value
        for name, value in changes.items()
        if getattr(account, name) != value
    }
    if not changed:
        return account
    before = account.role
    for name, value in changed.items():
        setattr(account, name, value)
    account.version += 1
    _save(account)
    record(
        AuditEntry.Action.SERVICE_ACCOUNT_UPDATED,
        target_id=account.id,
        actor_id=actor_id,
        organization_id=organization_id,
        changed=",".join(sorted(changed)),
        role=account.role,
        previous_role=before,
    )
    return account


@transaction.atomic
def disable_service_account(
    *, organization_id: UUID, account_id: UUID, actor_id: UUID, now: datetime
) -> None:
    """Let a program do nothing any more: its keys end, too. Raises NotFound."""
    account = _find(lock_organization(organization_id), account_id)
    if account.disabled_at is not None:
        return
    account.disabled_at = now
    account.version += 1
    _save(account)
    record(
        AuditEntry.Action.SERVICE_ACCOUNT_DISABLED,
        target_id=account.id,
        actor_id=actor_id,
        organization_id=organization_id,
    )
    end_keys(
        ApiKey.objects.filter(service_account=account, revoked_at=None).order_by("id"),
        reason="disabled",
        actor_id=actor_id,
        now=now,
    )


def _find(organization: Organization, account_id: UUID) -> ServiceAccount:
    account = ServiceAccount.objects.filter(
        organization=organization, id=account_id
    ).first()
    if account is None:
        raise NotFound
    return account


def _save(account: ServiceAccount) -> None:
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        if getattr(diagnosis, "constraint_name", None) == UNIQUE_NAME:
            raise ServiceAccountNameTaken from error
        raise

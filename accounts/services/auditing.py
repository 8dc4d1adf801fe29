"""Adds to the record of who did what."""

from uuid import UUID

from accounts.models import AuditEntry
from opencore.context import current_request_id


def record(
    action: AuditEntry.Action,
    *,
    target_id: UUID,
    actor_id: UUID | None,
    organization_id: UUID | None = None,
    **metadata: str,
) -> None:
    """Note what was done, in the transaction that does it.

    The metadata must not say anything personal: it can't be taken back.
    """
    AuditEntry.objects.create(
        action=action,
        target_id=target_id,
        actor_id=actor_id,
        organization_id=organization_id,
        metadata=metadata,
        request_id=current_request_id() or "",
    )

"""Adds to the record of who did what."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import AuditEntry, AuditPersonal
from opencore.context import (
    Actor,
    current_actor,
    current_device,
    current_request_id,
)

SALT_BYTES = 16


@transaction.atomic
def record(
    action: AuditEntry.Action,
    *,
    target_id: UUID,
    actor_id: UUID | None,
    organization_id: UUID | None = None,
    outcome: AuditEntry.Outcome = AuditEntry.Outcome.DONE,
    justification: str = "",
    **metadata: str,
) -> AuditEntry:
    """Note what was done, in the transaction that does it.

    By what the actor did it, and where from, is known from the request. The metadata
    and the justification must not say anything personal: they can't be taken back.
    """
    actor, device = current_actor(), current_device()
    known = actor if actor is not None and actor_id in _names(actor) else None
    personal: Mapping[str, Any] | None = None
    salt = secrets.token_bytes(SALT_BYTES)
    if device is not None and (device.ip or device.user_agent):
        personal = {"ip": device.ip or "", "user_agent": device.user_agent}
    entry = AuditEntry.objects.create(
        action=action,
        target_id=target_id,
        actor_id=actor_id if known is None else known.actor_id,
        actor_kind=_kind_of(actor_id) if known is None else known.kind,
        on_behalf_of=None if known is None else known.on_behalf_of,
        session_id=None if known is None else known.session_id,
        api_key_id=None if known is None else known.api_key_id,
        organization_id=organization_id,
        outcome=outcome,
        justification=justification,
        metadata=metadata,
        request_id=current_request_id() or "",
        personal_digest=None if personal is None else digest_of(salt, personal),
    )
    if personal is not None:
        AuditPersonal.objects.create(
            entry=entry,
            organization_id=organization_id,
            person_id=entry.actor_id,
            salt=salt,
            data=personal,
        )
    return entry


def digest_of(salt: bytes, personal: Mapping[str, Any]) -> bytes:
    """Return what binds the personal part of an entry to it: salted SHA-256."""
    said = json.dumps(personal, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(salt + said.encode()).digest()


def _names(actor: Actor) -> tuple[UUID, ...]:
    return (
        (actor.actor_id,)
        if actor.on_behalf_of is None
        else (actor.actor_id, actor.on_behalf_of)
    )


def _kind_of(actor_id: UUID | None) -> AuditEntry.ActorKind:
    if actor_id is None:
        return AuditEntry.ActorKind.SYSTEM
    return AuditEntry.ActorKind.USER

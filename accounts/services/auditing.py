"""Adds to the record of who did what."""

import secrets
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import psycopg
from django.db import connection
from psycopg.types.json import Jsonb

from accounts.models import AuditEntry
from accounts.selectors.chain import digest_of
from opencore.context import (
    Actor,
    current_actor,
    current_device,
    current_request_id,
)
from opencore.ids import uuid7
from opencore.postgresql.base import DatabaseWrapper

SALT_BYTES = 16


def record(
    action: AuditEntry.Action,
    *,
    target_id: UUID,
    actor_id: UUID | None,
    organization_id: UUID | None = None,
    outcome: AuditEntry.Outcome = AuditEntry.Outcome.DONE,
    justification: str = "",
    personal: Mapping[str, str] | None = None,
    on_behalf_of: UUID | None = None,
    **metadata: str,
) -> AuditEntry:
    """Note what was done, in the transaction that does it.

    By what the actor did it, and where from, is known from the request. The metadata
    and the justification must not say anything personal: they can't be taken back. What
    is personal about it is kept where it is erased with who did it.
    """
    actor = current_actor()
    known = actor if actor is not None and actor_id in _names(actor) else None
    entry = AuditEntry(
        entry_id=uuid7(),
        action=action,
        target_id=target_id,
        actor_id=actor_id if known is None else known.actor_id,
        actor_kind=_kind_of(actor_id) if known is None else known.kind,
        on_behalf_of=on_behalf_of
        if known is None
        else known.on_behalf_of or on_behalf_of,
        session_id=None if known is None else known.session_id,
        api_key_id=None if known is None else known.api_key_id,
        organization_id=organization_id,
        outcome=outcome,
        justification=justification or (known.reason if known else ""),
        metadata=metadata,
        request_id=current_request_id() or "",
    )
    _write(entry, _personal(personal or {}))
    return entry


def _personal(said: Mapping[str, str]) -> Mapping[str, Any] | None:
    device = current_device()
    if device is None or not (device.ip or device.user_agent):
        return said or None
    return {"ip": device.ip or "", "user_agent": device.user_agent, **said}


def _write(entry: AuditEntry, personal: Mapping[str, Any] | None) -> None:
    values: dict[str, Any] = {
        "entry_id": entry.entry_id,
        "actor_id": entry.actor_id,
        "actor_kind": str(entry.actor_kind),
        "on_behalf_of": entry.on_behalf_of,
        "session_id": entry.session_id,
        "api_key_id": entry.api_key_id,
        "action": str(entry.action),
        "outcome": str(entry.outcome),
        "target_id": entry.target_id,
        "organization_id": entry.organization_id,
        "justification": entry.justification,
        "metadata": Jsonb(entry.metadata),
        "request_id": entry.request_id,
    }
    if personal is not None:
        salt = secrets.token_bytes(SALT_BYTES)
        entry.personal_digest = digest_of(salt, personal)
        values |= {"salt": salt, "personal": Jsonb(personal)}
    values["personal_digest"] = entry.personal_digest
    statement = WRITE if personal is None else WRITE_BOTH
    # Values go beside the statement: to quote them takes longer than to insert them.
    with (
        connection.wrap_database_errors,
        psycopg.Cursor(_connected()) as cursor,
    ):
        row = cursor.execute(statement, values).fetchone()
    entry.seq, entry.occurred_at = row  # type: ignore[misc]  # -- the statement returns one row
    entry._state.adding = False


def _connected() -> "psycopg.Connection[Any]":
    connection.ensure_connection()
    cast("DatabaseWrapper", connection).confine()
    found: psycopg.Connection[Any] = connection.connection
    return found


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


WRITE = """
insert into accounts_auditentry
    (entry_id, actor_id, actor_kind, on_behalf_of, session_id, api_key_id, action,
     outcome, target_id, organization_id, justification, metadata, request_id,
     personal_digest)
values
    (%(entry_id)b, %(actor_id)b, %(actor_kind)b, %(on_behalf_of)b, %(session_id)b,
     %(api_key_id)b, %(action)b, %(outcome)b, %(target_id)b, %(organization_id)b,
     %(justification)b, %(metadata)b, %(request_id)b, %(personal_digest)b)
returning seq, occurred_at
"""

# An entry and its personal part, in one round trip.
WRITE_BOTH = f"""
with entry as ({WRITE}), personal as (
    insert into accounts_auditpersonal
        (entry_id, organization_id, person_id, salt, data)
    select seq, %(organization_id)b, %(actor_id)b, %(salt)b, %(personal)b from entry
)
select seq, occurred_at from entry
"""  # noqa: S608 -- both statements are constants

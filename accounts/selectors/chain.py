"""How entries of the record are bound to each other, and to what is personal of them."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from opencore.canonical import canonical

# The chain of what belongs to no organization.
NO_ORGANIZATION = UUID(int=0)
TAG = b"opencore.audit.v1\0"
LENGTH_BYTES = 8
# What of an entry is sealed, which is all of it. The hashes of old entries hold only
# with these names; a column that comes later needs a tag of its own.
SEALED = (
    *("seq", "entry_id", "occurred_at", "actor_id", "actor_kind", "on_behalf_of"),
    *("session_id", "api_key_id", "action", "outcome", "target_id"),
    *("organization_id", "justification", "metadata", "request_id", "personal_digest"),
)


def chain_of(organization_id: UUID | None) -> UUID:
    """Return the chain in which an organization's entries are."""
    return NO_ORGANIZATION if organization_id is None else organization_id


def hash_of(
    entry: Mapping[str, Any],
    *,
    chain_id: UUID,
    number: int,
    sealed_at: datetime,
    previous: bytes,
) -> bytes:
    """Return the hash over an entry, its place in the chain, and all before it."""
    said = {
        "chain_id": str(chain_id),
        "number": number,
        "sealed_at": _plain(sealed_at),
        "entry": {name: _plain(entry[name]) for name in SEALED},
    }
    length = len(previous).to_bytes(LENGTH_BYTES, "big")
    return hashlib.sha256(TAG + length + previous + canonical(said)).digest()


def digest_of(salt: bytes, personal: Mapping[str, Any]) -> bytes:
    """Return what binds the personal part of an entry to it: salted SHA-256."""
    return hashlib.sha256(salt + canonical(personal)).digest()


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case UUID():
            return str(value)
        case bytes() | memoryview():
            return bytes(value).hex()
        case _:
            return value

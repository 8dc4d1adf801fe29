"""Who may give out access tokens, and what each of them says with one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from opencore.claims import AccessClaims
from opencore.tokens.keys import Key, KeyRing
from opencore.tokens.rules import (
    ACCESS,
    assurance_of,
    authenticated_at,
    check_kind,
    impersonation_of,
    methods_of,
    organizations_of,
    own_key,
    role_of,
    uuid_of,
)


class Issuer(Protocol):
    """One who signs access tokens; all methods raise for what is not theirs."""

    @property
    def longest(self) -> float:
        """How many seconds a token of theirs may live."""
        ...

    def ring(self) -> KeyRing:
        """Return the keys that are believed now."""
        ...

    def key_for(self, header: Mapping[str, Any], ring: KeyRing) -> Key:
        """Return the key that a header names."""
        ...

    def bearer(self, payload: Mapping[str, Any], key: Key) -> AccessClaims:
        """Return who bears a token of theirs."""
        ...

    def is_for(self, audiences: frozenset[str]) -> bool:
        """Tell whether a token may be used where no audience is asked for."""
        ...


@dataclass(frozen=True, slots=True)
class OwnIssuer:
    """This deployment."""

    keys: KeyRing
    longest: float
    audiences: frozenset[str]

    def ring(self) -> KeyRing:
        """Return the keys of the settings."""
        return self.keys

    def key_for(self, header: Mapping[str, Any], ring: KeyRing) -> Key:
        """Return the key that a header names."""
        return own_key(header, ring)

    def bearer(self, payload: Mapping[str, Any], key: Key) -> AccessClaims:
        """Return who bears the token."""
        check_kind(payload, ACCESS)
        return claims_of(payload, key)

    def is_for(self, audiences: frozenset[str]) -> bool:
        """Accept a token that is meant for us, or for nobody in particular."""
        return not audiences or not audiences.isdisjoint(self.audiences)


def claims_of(payload: Mapping[str, Any], key: Key) -> AccessClaims:
    """Return what one of our own tokens says."""
    proved_at = authenticated_at(payload)
    impersonator_id, read_only = impersonation_of(payload)
    return AccessClaims(
        user_id=uuid_of(payload["sub"]),
        session_id=uuid_of(payload["sid"]),
        role=role_of(payload),
        expires_at=moment(payload["exp"]),
        issued_at=moment(payload["iat"]),
        key_id=key.key_id,
        org_ids=organizations_of(payload),
        assurance=assurance_of(payload),
        authenticated_at=None if proved_at is None else moment(proved_at),
        methods=methods_of(payload),
        impersonator_id=impersonator_id,
        read_only=read_only,
    )


def moment(seconds: int) -> datetime:
    """Return a time of a token."""
    return datetime.fromtimestamp(seconds, UTC)

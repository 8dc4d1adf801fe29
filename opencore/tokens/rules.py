"""What a token must say besides being rightly signed; all raise ValueError or KeyError."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from opencore.tokens.errors import TokenExpired
from opencore.tokens.keys import Key, KeyRing

INTERNAL_LIFETIME = 60
MOST_ORGANIZATIONS = 20
ROLES = frozenset({"user", "operator"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of OpenCore's own tokens: its name, and what it says, no more or less."""

    name: str
    required: frozenset[str]
    optional: frozenset[str] = frozenset()


_ALWAYS = frozenset({"iss", "sub", "typ", "sid", "jti", "iat", "exp"})
ACCESS = Kind("access", _ALWAYS | {"role"}, frozenset({"org", "aud", "nbf"}))
REFRESH = Kind("refresh", _ALWAYS | {"gen"})
INTERNAL = Kind("internal", _ALWAYS | {"role", "aud"}, frozenset({"org"}))


def own_key(header: Mapping[str, Any], ring: KeyRing) -> Key:
    """Return the key of a ring that a header of ours names."""
    key = ring.by_name[header["kid"]]
    # A header that says more is none of ours.
    if header != {"alg": key.algorithm, "typ": "JWT", "kid": key.key_id}:
        raise ValueError("the header is not one of ours")
    return key


def check_kind(payload: Mapping[str, Any], kind: Kind) -> None:
    """Refuse another kind of token, and claims that are missing or unknown."""
    names = payload.keys()
    if not kind.required <= names or names - kind.required - kind.optional:
        raise ValueError("claims are missing or unknown")
    if payload["typ"] != kind.name or not isinstance(payload["jti"], str):
        raise ValueError("the token is of another kind")


def check_times(
    payload: Mapping[str, Any], *, now: float, leeway: float, longest: float
) -> None:
    """Refuse a token outside of its time, and one that lives longer than it may.

    Raises TokenExpired for one whose time is over.
    """
    begin, end = payload["iat"], payload["exp"]
    not_before = payload.get("nbf", begin)
    if not all(type(time) is int for time in (begin, end, not_before)):
        raise ValueError("times are whole seconds")
    if not 0 < end - begin <= longest:
        raise ValueError("the token lives longer than it may")
    if max(begin, not_before) > now + leeway:
        raise ValueError("the token's time is still to come")
    if end <= now - leeway:
        raise TokenExpired


def audiences_of(payload: Mapping[str, Any]) -> frozenset[str]:
    """Return for whom a token is meant; empty if it does not say."""
    if "aud" not in payload:
        return frozenset()
    named = payload["aud"]
    found = [named] if isinstance(named, str) else named
    if not isinstance(found, list) or not found:
        raise ValueError("an audience is a name or a list of names")
    if not all(isinstance(name, str) for name in found):
        raise ValueError("an audience is a name")
    return frozenset(found)


def organizations_of(payload: Mapping[str, Any]) -> tuple[UUID, ...]:
    """Return the organizations that a token names."""
    if "org" not in payload:
        return ()
    named = payload["org"]
    if not isinstance(named, list) or not 0 < len(named) <= MOST_ORGANIZATIONS:
        raise ValueError("organizations are a list, and not a long one")
    return tuple(uuid_of(name) for name in named)


def role_of(payload: Mapping[str, Any]) -> str:
    """Return the role that a token gives."""
    role = payload["role"]
    if not isinstance(role, str) or role not in ROLES:
        raise ValueError("there is no such role")
    return role


def uuid_of(claim: object) -> UUID:
    """Return a UUID that was written as UUIDs are."""
    found = UUID(str(claim))
    if str(found) != claim:
        raise ValueError("the id has another spelling")
    return found

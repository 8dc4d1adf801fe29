"""What a token must say besides being rightly signed; all raise ValueError or KeyError."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from opencore.tokens.errors import TokenExpired
from opencore.tokens.keys import Key, KeyRing

INTERNAL_LIFETIME = 60
MOST_ORGANIZATIONS = 20
ROLES = frozenset({"user", "support", "operator"})
_METHODS = frozenset({"otp", "mfa", "hwk"})
HIGHEST_ASSURANCE = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of OpenCore's own tokens: its name, and what it says, no more or less."""

    name: str
    required: frozenset[str]
    optional: frozenset[str] = frozenset()


_ALWAYS = frozenset({"iss", "sub", "typ", "sid", "jti", "iat", "exp"})
_PROOF = frozenset({"aal", "amr", "auth_time", "act"})
ACCESS = Kind("access", _ALWAYS | {"role"}, _PROOF | {"org", "aud", "nbf"})
REFRESH = Kind("refresh", _ALWAYS | {"gen"})
INTERNAL = Kind("internal", _ALWAYS | {"role", "aud"}, _PROOF | {"org"})
# Of a program instead of a person; what knows people alone does not read it.
INTERNAL_KEY = Kind(
    "internal_key",
    frozenset({"iss", "sub", "typ", "jti", "iat", "exp", "aud"})
    | {"holder", "key", "org", "scope"},
)


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


def assurance_of(payload: Mapping[str, Any]) -> int:
    """Return how sure it is who bears a token: 1 if it does not say."""
    level = payload.get("aal", 1)
    if type(level) is not int or not 1 <= level <= HIGHEST_ASSURANCE:
        raise ValueError("there is no such assurance")
    return level


def methods_of(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Return by what the bearer proved who they are, in words of RFC 8176."""
    named = payload.get("amr", [])
    if not isinstance(named, list) or not _METHODS.issuperset(named):
        raise ValueError("there is no such method")
    return tuple(named)


def authenticated_at(payload: Mapping[str, Any]) -> int | None:
    """Return when the bearer last proved who they are."""
    moment = payload.get("auth_time")
    if moment is not None and (type(moment) is not int or moment > payload["iat"]):
        raise ValueError("a time is in whole seconds, and not after the token's own")
    return moment


def impersonation_of(payload: Mapping[str, Any]) -> tuple[UUID | None, bool]:
    """Return who acts as the bearer, and whether they may only read (RFC 8693, 4.1)."""
    if "act" not in payload:
        return None, False
    act = payload["act"]
    if not isinstance(act, dict) or act.keys() != {"sub", "read_only"}:
        raise ValueError("an acting party has another shape")
    if not isinstance(act["read_only"], bool):
        raise ValueError("an acting party reads only, or does not")
    return uuid_of(act["sub"]), act["read_only"]


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

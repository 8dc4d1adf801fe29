"""What stands for a revoked session, user or key, and what a process knows of them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from opencore.claims import Claims, KeyClaims

# Where Redis keeps it. One tag, so that a cluster keeps together what one script reads.
REVOKED = "{opencore}:revoked"
GOOD_SINCE = "{opencore}:revoked:since"
NEWS = "{opencore}:revoked:news"


@dataclass(frozen=True, slots=True)
class Revocation:
    """A session, user or key that is revoked until a moment, in seconds of the epoch.

    Of a user only those tokens are bad that were issued before `good_since`.
    """

    member: str
    until: float
    good_since: float | None = None


def session_member(session_id: UUID | str) -> str:
    """Return what stands for a session."""
    return f"s:{session_id}"


def user_member(user_id: UUID | str) -> str:
    """Return what stands for a user."""
    return f"u:{user_id}"


def key_member(kid: str) -> str:
    """Return what stands for a key of tokens."""
    return f"k:{kid}"


def api_key_member(key_id: UUID | str) -> str:
    """Return what stands for an API key."""
    return f"a:{key_id}"


def of_api_key(key_id: UUID, *, until: datetime) -> Revocation:
    """Return the revocation of an API key, until nobody remembers it any more."""
    return Revocation(api_key_member(key_id), until.timestamp())


def of_session(session_id: UUID, *, until: datetime) -> Revocation:
    """Return the revocation of a session's tokens."""
    return Revocation(session_member(session_id), until.timestamp())


def of_user(user_id: UUID, *, issued_before: datetime, until: datetime) -> Revocation:
    """Return the revocation of a user's tokens from before a moment.

    Tokens tell whole seconds, so those of the moment's own second are bad, too.
    """
    good_since = math.floor(issued_before.timestamp()) + 1
    return Revocation(user_member(user_id), until.timestamp(), good_since)


def of_key(kid: str) -> Revocation:
    """Return the revocation of a key's tokens, which has no end."""
    return Revocation(key_member(kid), math.inf)


def members_of(claims: Claims) -> tuple[str, str, str]:
    """Return what stands for a token's session, user and key.

    Of an API key: for itself, for its user, whom a service account has none of, and
    for no key of tokens.
    """
    if isinstance(claims, KeyClaims):
        user = "" if claims.user_id is None else claims.user_id
        return api_key_member(claims.key_id), user_member(user), key_member("")
    return (
        session_member(claims.session),
        user_member(claims.user),
        key_member(claims.key_id),
    )


class KnownRevocations:
    """What is revoked as far as this process has heard; safe with many threads."""

    def __init__(self) -> None:
        self._known: dict[str, Revocation] = {}

    def add(self, revocations: Iterable[Revocation], *, now: float) -> None:
        """Add some, and forget those whose time is over."""
        # Without a lock, for a fork would copy it as it is: each step here is one.
        for member, revocation in list(self._known.items()):
            if revocation.until <= now:
                self._known.pop(member, None)
        for revocation in revocations:
            self._known[revocation.member] = revocation

    def include(self, claims: Claims, *, now: float) -> bool:
        """Tell whether a token's session, user or key is revoked, or an API key."""
        known = self._known
        if not known:
            return False
        session, user, key = members_of(claims)
        for member in (session, key):
            revocation = known.get(member)
            if revocation is not None and revocation.until > now:
                return True
        revocation = known.get(user)
        return (
            revocation is not None
            and revocation.until > now
            and revocation.good_since is not None
            and claims.issued_at.timestamp() < revocation.good_since
        )

"""Short-lived tokens by which the gateway tells an upstream who is asking."""

import math
import os
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings

from opencore.claims import AccessClaims, Claims, KeyClaims
from opencore.tokens.keys import Key, load_key
from opencore.tokens.memory import Memory
from opencore.tokens.minting import proof_of
from opencore.tokens.rules import INTERNAL, INTERNAL_KEY, INTERNAL_LIFETIME
from opencore.tokens.signed import sign

MOST_MINTED = 10_000


@dataclass(frozen=True, slots=True)
class Minted:
    """A token that may be given out again, and until when."""

    token: str
    until: float


class InternalMint:
    """Makes tokens for upstreams; who asks again soon gets the same one.

    A token is good for a minute, and no longer than the access token that it stands
    for. It is given out for half of that time.
    """

    def __init__(self, key: Key, *, issuer: str, leeway: int) -> None:
        self._key, self._issuer, self._leeway = key, issuer, leeway
        self._minted: Memory[tuple[Claims, str], Minted] = Memory(room=MOST_MINTED)

    def mint(
        self, claims: Claims, audience: str, request_id: str, *, now: float
    ) -> str:
        """Return a token for an audience; its id is that of the first request."""
        minted = self._minted.find((claims, audience))
        if minted is None or now >= minted.until:
            minted = self._new(claims, audience, request_id, int(now))
            self._minted.put((claims, audience), minted)
        return minted.token

    def _new(
        self, claims: Claims, audience: str, request_id: str, begin: int
    ) -> Minted:
        end = max(begin + 1, min(begin + INTERNAL_LIFETIME, self._last(claims)))
        said = _program(claims) if isinstance(claims, KeyClaims) else _person(claims)
        payload: dict[str, Any] = {
            "iss": self._issuer,
            "aud": audience,
            "jti": request_id,
            "iat": begin,
            "exp": end,
            **said,
        }
        return Minted(sign(payload, self._key), (begin + end) / 2)

    def _last(self, claims: Claims) -> float:
        if isinstance(claims, KeyClaims):
            ends = claims.expires_at
            return math.inf if ends is None else int(ends.timestamp())
        # An access token is still good for the leeway after its end.
        return int(claims.expires_at.timestamp()) + self._leeway


def _person(claims: AccessClaims) -> dict[str, Any]:
    said: dict[str, Any] = {
        "sub": str(claims.user_id),
        "sid": str(claims.session_id),
        "role": claims.role,
        "typ": INTERNAL.name,
        **proof_of(claims),
    }
    if claims.org_ids:
        said["org"] = [str(org_id) for org_id in claims.org_ids]
    return said


def _program(claims: KeyClaims) -> dict[str, Any]:
    by_account = claims.service_account_id is not None
    return {
        "sub": str(claims.service_account_id if by_account else claims.user_id),
        "holder": "service_account" if by_account else "user",
        "key": str(claims.key_id),
        "org": [str(claims.organization_id)],
        "scope": " ".join(sorted(claims.scopes)),
        "typ": INTERNAL_KEY.name,
    }


def mint_internal(claims: Claims, audience: str, request_id: str) -> str:
    """Return a token that tells one upstream who asks, for a minute.

    Raises ImproperlyConfigured without JWT_INTERNAL_SIGNING_KEY.
    """
    mint = _mint(
        settings.JWT_INTERNAL_SIGNING_KEY,
        settings.PUBLIC_URL,
        settings.SIMPLE_JWT["LEEWAY"],
    )
    return mint.mint(claims, audience, request_id, now=time.time())


@lru_cache(maxsize=8)
def _mint(key: str, issuer: str, leeway: int) -> InternalMint:
    return InternalMint(load_key(key), issuer=issuer, leeway=leeway)


# A lock may have been held by a thread that a fork left behind.
os.register_at_fork(after_in_child=_mint.cache_clear)

"""Short-lived tokens by which the gateway tells an upstream who is asking."""

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings

from opencore.claims import AccessClaims
from opencore.tokens.keys import Key, load_key
from opencore.tokens.memory import Memory
from opencore.tokens.minting import proof_of, sign
from opencore.tokens.rules import INTERNAL, INTERNAL_LIFETIME

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
        self._minted: Memory[tuple[AccessClaims, str], Minted] = Memory(
            room=MOST_MINTED
        )

    def mint(
        self, claims: AccessClaims, audience: str, request_id: str, *, now: float
    ) -> str:
        """Return a token for an audience; its id is that of the first request."""
        minted = self._minted.find((claims, audience))
        if minted is None or now >= minted.until:
            minted = self._new(claims, audience, request_id, int(now))
            self._minted.put((claims, audience), minted)
        return minted.token

    def _new(
        self, claims: AccessClaims, audience: str, request_id: str, begin: int
    ) -> Minted:
        # An access token is still good for the leeway after its end.
        last = int(claims.expires_at.timestamp()) + self._leeway
        end = max(begin + 1, min(begin + INTERNAL_LIFETIME, last))
        payload: dict[str, Any] = {
            "iss": self._issuer,
            "aud": audience,
            "sub": str(claims.user_id),
            "sid": str(claims.session_id),
            "role": claims.role,
            "typ": INTERNAL.name,
            "jti": request_id,
            "iat": begin,
            "exp": end,
        }
        payload |= proof_of(claims)
        if claims.org_ids:
            payload["org"] = [str(org_id) for org_id in claims.org_ids]
        return Minted(sign(payload, self._key), (begin + end) / 2)


def mint_internal(claims: AccessClaims, audience: str, request_id: str) -> str:
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

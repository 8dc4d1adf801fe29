"""Reads access tokens; of one that was read before, only what can change."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import jwt
from django.conf import settings

from opencore.claims import AccessClaims
from opencore.tokens.errors import TokenInvalid, refusing
from opencore.tokens.foreign import foreign_issuers
from opencore.tokens.issuers import Issuer, OwnIssuer
from opencore.tokens.keys import KeyRing, ring_of
from opencore.tokens.memory import Memory
from opencore.tokens.rules import audiences_of, check_times
from opencore.tokens.signed import check_signature, take_apart

MOST_ACCEPTED = 10_000
MOST_REFUSED = 2_000


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found out about a token, and until when that is so."""

    claims: AccessClaims
    until: float
    ring: KeyRing
    audiences: frozenset[str]
    anywhere: bool


class AccessReader:
    """Reads access tokens of some issuers; threads may share it.

    A token that was verified is believed again without its signature until it expires,
    or the ring of its key is retired. One whose signature is wrong is refused without
    trying again, as long as the ring stays; such refusals have a room of their own, so
    that nobody can drive good tokens out with bad ones.
    """

    def __init__(self, issuers: Mapping[str, Issuer], *, leeway: float) -> None:
        self._issuers = issuers
        self._leeway = leeway
        self.accepted: Memory[str, Verified] = Memory(room=MOST_ACCEPTED)
        self.refused: Memory[str, KeyRing] = Memory(room=MOST_REFUSED)

    def read(self, token: str, audience: str | None, *, now: float) -> AccessClaims:
        """Return what a valid token says; raises TokenInvalid or TokenExpired."""
        known = self.accepted.find(token)
        if known is None or now >= known.until or known.ring.retired:
            known = self._verify(token, now)
        if known.anywhere if audience is None else audience in known.audiences:
            return known.claims
        raise TokenInvalid

    def _verify(self, token: str, now: float) -> Verified:
        ring = self.refused.find(token)
        if ring is not None and not ring.retired:
            raise TokenInvalid
        self.accepted.drop(token)
        with refusing():
            known = self._check(token, now)
        self.accepted.put(token, known)
        return known

    def _check(self, token: str, now: float) -> Verified:
        header, payload = take_apart(token)
        issuer = self._issuers[payload["iss"]]
        # One look: what is verified with a ring that is retired meanwhile is not kept.
        ring = issuer.ring()
        key = issuer.key_for(header, ring)
        try:
            check_signature(token, key)
        except jwt.InvalidTokenError:
            self.refused.put(token, ring)
            raise
        claims, audiences = issuer.bearer(payload, key), audiences_of(payload)
        check_times(payload, now=now, leeway=self._leeway, longest=issuer.longest)
        return Verified(
            claims, payload["exp"], ring, audiences, issuer.is_for(audiences)
        )


def read_access(token: str, audience: str | None = None) -> AccessClaims:
    """Return what a valid access token says; raises TokenInvalid or TokenExpired.

    Where an audience is asked for, the token must name it. Where none is, the token
    must name OpenCore's own, JWT_AUDIENCE, or nobody.
    """
    return _reader_of_now().read(token, audience, now=time.time())


# The reader, and the settings that it was made of.
_reader: tuple[object, AccessReader] | None = None


def _reader_of_now() -> AccessReader:
    """Return the reader of the settings as they are; other settings make another."""
    global _reader  # noqa: PLW0603 -- one reader per process
    # Compared as a whole: to look at each setting costs more than all the rest here.
    made_of = settings._wrapped  # type: ignore[misc]  # -- its stubs leave it out
    found = _reader
    if found is None or found[0] is not made_of:
        found = _reader = made_of, _new_reader()
    return found[1]


def _new_reader() -> AccessReader:
    own = OwnIssuer(
        keys=ring_of((settings.JWT_SIGNING_KEY, *settings.JWT_PREVIOUS_SIGNING_KEYS)),
        longest=settings.ACCESS_TOKEN_LIFETIME.total_seconds(),
        audiences=frozenset(settings.JWT_AUDIENCE),
    )
    issuers: dict[str, Issuer] = {**foreign_issuers(), settings.PUBLIC_URL: own}
    return AccessReader(issuers, leeway=settings.SIMPLE_JWT["LEEWAY"])


def _begin_anew() -> None:
    # A lock of the reader may have been held by a thread that a fork left behind.
    global _reader  # noqa: PLW0603 -- one reader per process
    _reader = None


os.register_at_fork(after_in_child=_begin_anew)

"""Makes the tokens that people get; simplejwt puts them together."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from opencore.tokens.keys import load_key
from opencore.tokens.rules import MOST_ORGANIZATIONS
from opencore.tokens.signed import sign

T = TypeVar("T", bound=Token)


class Proof(Protocol):
    """How sure it is who bears a token; AccessClaims say so, too."""

    @property
    def assurance(self) -> int:
        """How many factors proved it."""
        ...

    @property
    def authenticated_at(self) -> datetime | None:
        """When it was proved."""
        ...

    @property
    def methods(self) -> Sequence[str]:
        """By what it was proved, in words of RFC 8176."""
        ...

    @property
    def impersonator_id(self) -> UUID | None:
        """Who of the staff acts as the bearer."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether they may change nothing."""
        ...


class _KeyBackend(TokenBackend):
    """One key; what it signs names the key."""

    def __init__(self, text: str) -> None:
        self._key = load_key(text)
        super().__init__(self._key.algorithm, issuer=settings.PUBLIC_URL)

    def encode(self, payload: dict[str, Any]) -> str:
        """Return the signed token."""
        return sign({**payload, "iss": self.issuer}, self._key)


class _Access(AccessToken):
    def get_token_backend(self) -> TokenBackend:
        return _KeyBackend(settings.JWT_SIGNING_KEY)


class _Refresh(RefreshToken):
    def get_token_backend(self) -> TokenBackend:
        return _KeyBackend(settings.JWT_REFRESH_SIGNING_KEY)


def mint_access(
    *,
    user_id: UUID,
    session_id: UUID,
    role: str,
    now: datetime,
    org_ids: Sequence[UUID] = (),
    audience: Sequence[str] | None = None,
    proof: Proof | None = None,
    lifetime: timedelta | None = None,
) -> str:
    """Return a token that lets its bearer act as the user until it expires.

    It names the first twenty of the organizations. It is meant for the audience, which
    is JWT_AUDIENCE unless given; one for nobody in particular names none. Without a
    proof it says nothing of how sure it is who bears it. It lives as all do, or shorter.
    """
    token = _new(_Access, lifetime or settings.ACCESS_TOKEN_LIFETIME, now)
    token["sub"], token["sid"] = str(user_id), str(session_id)
    token["role"] = role
    meant_for = settings.JWT_AUDIENCE if audience is None else audience
    if meant_for:
        token["aud"] = list(meant_for)
    if proof is not None:
        for name, value in proof_of(proof).items():
            token[name] = value
        # Machines' clocks differ; no proof is younger than the token that tells of it.
        if "auth_time" in token:
            token["auth_time"] = min(token["auth_time"], token["iat"])
    if org_ids:
        token["org"] = [str(org_id) for org_id in org_ids[:MOST_ORGANIZATIONS]]
    return str(token)


def proof_of(proof: Proof) -> dict[str, Any]:
    """Return the claims that say how sure it is who bears a token."""
    claims: dict[str, Any] = {}
    if proof.authenticated_at is not None:
        claims["aal"] = proof.assurance
        claims["auth_time"] = int(proof.authenticated_at.timestamp())
    if proof.methods:
        claims["amr"] = list(proof.methods)
    if proof.impersonator_id is not None:
        claims["act"] = {
            "sub": str(proof.impersonator_id),
            "read_only": proof.read_only,
        }
    return claims


def mint_refresh(
    *, user_id: UUID, session_id: UUID, generation: int, now: datetime
) -> str:
    """Return a token that is good for one renewal of the session."""
    token = _new(_Refresh, settings.REFRESH_TOKEN_LIFETIME, now)
    token["sub"], token["sid"] = str(user_id), str(session_id)
    token["gen"] = generation
    return str(token)


def _new(kind: type[T], lifetime: timedelta, now: datetime) -> T:
    token = kind()
    token.set_iat(at_time=now)
    token.set_exp(from_time=now, lifetime=lifetime)
    return token

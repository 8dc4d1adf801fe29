"""The tokens that OpenCore gives out and reads; nothing else here knows JWT."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import ExpiredTokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from opencore.errors import DomainError

LARGEST_TOKEN = 4096
ROLES = frozenset({"user", "operator"})
T = TypeVar("T", bound=Token)
_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class TokenInvalid(DomainError):
    """The token is not one of ours, or no longer; sign in again."""

    code: ClassVar[str] = "token_invalid"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(headers=_CHALLENGE)


class TokenExpired(DomainError):
    """The token's time is over; refresh it, or sign in again."""

    code: ClassVar[str] = "token_expired"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNAUTHORIZED

    def __init__(self) -> None:
        super().__init__(headers=_CHALLENGE)


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessClaims:
    """What an access token says: who asks, in which session, as what."""

    user_id: UUID
    session_id: UUID
    role: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class RefreshClaims:
    """What a refresh token says: which session it renews, and its place in line."""

    user_id: UUID
    session_id: UUID
    generation: int
    expires_at: datetime


class _Access(AccessToken):
    claims = frozenset({"iss", "sub", "typ", "role", "sid", "jti", "iat", "exp"})

    def get_token_backend(self) -> TokenBackend:
        return _backend_with(settings.JWT_SIGNING_KEY)


class _Refresh(RefreshToken):
    claims = frozenset({"iss", "sub", "typ", "sid", "gen", "jti", "iat", "exp"})

    def get_token_backend(self) -> TokenBackend:
        return _backend_with(settings.JWT_REFRESH_SIGNING_KEY)


def mint_access(*, user_id: UUID, session_id: UUID, role: str, now: datetime) -> str:
    """Return a token that lets its bearer act as the user until it expires."""
    token = _new(_Access, settings.ACCESS_TOKEN_LIFETIME, now)
    token["sub"], token["sid"] = str(user_id), str(session_id)
    token["role"] = role
    return str(token)


def mint_refresh(
    *, user_id: UUID, session_id: UUID, generation: int, now: datetime
) -> str:
    """Return a token that is good for one renewal of the session."""
    token = _new(_Refresh, settings.REFRESH_TOKEN_LIFETIME, now)
    token["sub"], token["sid"] = str(user_id), str(session_id)
    token["gen"] = generation
    return str(token)


def read_access(token: str) -> AccessClaims:
    """Return what a valid access token says; raises TokenInvalid or TokenExpired."""
    claims = _read(_Access, token, settings.ACCESS_TOKEN_LIFETIME)
    if claims["role"] not in ROLES:
        raise TokenInvalid
    return AccessClaims(
        user_id=_uuid(claims["sub"]),
        session_id=_uuid(claims["sid"]),
        role=claims["role"],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def read_refresh(token: str) -> RefreshClaims:
    """Return what a valid refresh token says; raises TokenInvalid or TokenExpired."""
    claims = _read(_Refresh, token, settings.REFRESH_TOKEN_LIFETIME)
    if type(claims["gen"]) is not int or claims["gen"] < 1:
        raise TokenInvalid
    return RefreshClaims(
        user_id=_uuid(claims["sub"]),
        session_id=_uuid(claims["sid"]),
        generation=claims["gen"],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def _new(kind: type[T], lifetime: timedelta, now: datetime) -> T:
    token = kind()
    token.set_iat(at_time=now)
    token.set_exp(from_time=now, lifetime=lifetime)
    return token


def _read(
    kind: type[_Access] | type[_Refresh], token: str, longest: timedelta
) -> dict[str, Any]:
    # Checked first: decoding a large token is dear, also one that is forged.
    if len(token) > LARGEST_TOKEN or not token.isascii():
        raise TokenInvalid
    try:
        claims = kind(cast("Token", token)).payload
        _check(kind, token, claims, longest)
    except ExpiredTokenError as error:
        raise TokenExpired from error
    except ImproperlyConfigured:
        raise
    except Exception as error:
        raise TokenInvalid from error
    return claims


def _check(
    kind: type[_Access] | type[_Refresh],
    token: str,
    claims: Mapping[str, Any],
    longest: timedelta,
) -> None:
    header, payload = (_members(part) for part in token.split(".")[:2])
    if header != {"alg": "HS384", "typ": "JWT"} or payload != claims:
        raise ValueError("the header or a claim can be read in two ways")
    if claims.keys() != kind.claims:
        raise ValueError("claims are missing or unknown")
    if type(claims["exp"]) is not int or type(claims["iat"]) is not int:
        raise ValueError("times are whole seconds")
    if not 0 < claims["exp"] - claims["iat"] <= longest.total_seconds():
        raise ValueError("the token lives longer than ours do")


def _members(part: str) -> dict[str, Any]:
    text = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    members: dict[str, Any] = json.loads(text, object_pairs_hook=_unique)
    return members


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _uuid(claim: object) -> UUID:
    try:
        found = UUID(str(claim))
    except ValueError as error:
        raise TokenInvalid from error
    if str(found) != claim:
        raise TokenInvalid
    return found


def _backend_with(key: str) -> TokenBackend:
    if not key:
        raise ImproperlyConfigured("A signing key of tokens is empty.")
    return _backend(key, str(settings.PUBLIC_URL), float(settings.SIMPLE_JWT["LEEWAY"]))


@lru_cache(maxsize=8)
def _backend(key: str, issuer: str, leeway: float) -> TokenBackend:
    return TokenBackend("HS384", key, issuer=issuer, leeway=leeway)

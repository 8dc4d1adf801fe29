"""The tokens that OpenCore gives out and reads; nothing else here knows JWT."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

import jwt
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import ExpiredTokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from opencore.claims import AccessClaims, RefreshClaims
from opencore.errors import DomainError

ALGORITHM = "HS384"
KID_LENGTH = 12
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


class _KeyBackend(TokenBackend):
    """One key of a ring; what it signs names the key."""

    def __init__(self, key: str, *, issuer: str, leeway: float) -> None:
        super().__init__(ALGORITHM, key, issuer=issuer, leeway=leeway)
        self._key, self._headers = key, {"kid": kid_of(key)}

    def encode(self, payload: dict[str, Any]) -> str:
        """Return the signed token."""
        return jwt.encode(
            {**payload, "iss": self.issuer},
            self._key,
            algorithm=ALGORITHM,
            headers=self._headers,
        )


class _Access(AccessToken):
    claims = frozenset({"iss", "sub", "typ", "role", "sid", "jti", "iat", "exp"})

    def get_token_backend(self) -> TokenBackend:
        keys = (settings.JWT_SIGNING_KEY, *settings.JWT_PREVIOUS_SIGNING_KEYS)
        return _backend_for(self.token, keys)


class _Refresh(RefreshToken):
    claims = frozenset({"iss", "sub", "typ", "sid", "gen", "jti", "iat", "exp"})

    def get_token_backend(self) -> TokenBackend:
        keys = (
            settings.JWT_REFRESH_SIGNING_KEY,
            *settings.JWT_PREVIOUS_REFRESH_SIGNING_KEYS,
        )
        return _backend_for(self.token, keys)


def kid_of(key: str) -> str:
    """Return the name of a key, which tells nothing of the key."""
    digest = hmac.digest(key.encode(), b"opencore kid", "sha256")
    return urlsafe_b64encode(digest)[:KID_LENGTH].decode()


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
    if not isinstance(claims["role"], str) or claims["role"] not in ROLES:
        raise TokenInvalid
    return AccessClaims(
        user_id=_uuid(claims["sub"]),
        session_id=_uuid(claims["sid"]),
        role=claims["role"],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        issued_at=datetime.fromtimestamp(claims["iat"], UTC),
        # The header is one of ours: reading the token has proved it.
        key_id=_members(token.partition(".")[0])["kid"],
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
    payload = _members(token.split(".")[1])
    if payload != claims:
        raise ValueError("a claim can be read in two ways")
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


def _backend_for(token: object, keys: tuple[str, ...]) -> TokenBackend:
    """Return the backend of the key that signs, or of the one that a token names."""
    if not all(keys):
        raise ImproperlyConfigured("A signing key of tokens is empty.")
    issuer, leeway = str(settings.PUBLIC_URL), float(settings.SIMPLE_JWT["LEEWAY"])
    ring = _ring(keys, issuer, leeway)
    if token is None:
        return ring[kid_of(keys[0])]
    header = _members(str(token).partition(".")[0])
    kid = header.get("kid")
    # The key alone says how it signs. A header that says more is none of ours.
    if header != {"alg": ALGORITHM, "typ": "JWT", "kid": kid}:
        raise ValueError("the header is not one of ours")
    return ring[kid]


@lru_cache(maxsize=8)
def _ring(
    keys: tuple[str, ...], issuer: str, leeway: float
) -> Mapping[object, TokenBackend]:
    return {kid_of(key): _KeyBackend(key, issuer=issuer, leeway=leeway) for key in keys}

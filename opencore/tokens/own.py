"""Reads the tokens that only OpenCore itself gives out: for a refresh, for upstreams."""

import time
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings

from opencore.claims import AccessClaims, KeyClaims, RefreshClaims
from opencore.tokens.errors import refusing
from opencore.tokens.issuers import claims_of, moment
from opencore.tokens.keys import Key, ring_of
from opencore.tokens.rules import (
    INTERNAL,
    INTERNAL_KEY,
    INTERNAL_LIFETIME,
    REFRESH,
    Kind,
    audiences_of,
    check_kind,
    check_times,
    organizations_of,
    own_key,
    uuid_of,
)
from opencore.tokens.signed import Members, check_signature, take_apart


def read_refresh(token: str) -> RefreshClaims:
    """Return what a valid refresh token says; raises TokenInvalid or TokenExpired."""
    keys = settings.JWT_REFRESH_SIGNING_KEY, settings.JWT_PREVIOUS_REFRESH_SIGNING_KEYS
    with refusing():
        payload, _ = _payload_of(token, REFRESH, *keys)
        claims = _refresh_claims(payload)
        _check_times(payload, longest=settings.REFRESH_TOKEN_LIFETIME)
        return claims


def read_internal(token: str, audience: str) -> AccessClaims:
    """Return what the gateway said to this audience; raises TokenInvalid, TokenExpired.

    The times and the key's name are those of the internal token.
    """
    with refusing():
        payload, key = _internal(token, INTERNAL, audience)
        claims = claims_of(payload, key)
        _check_times(payload, longest=timedelta(seconds=INTERNAL_LIFETIME))
        return claims


def read_internal_key(token: str, audience: str) -> KeyClaims:
    """Return what the gateway said of a program; raises TokenInvalid, TokenExpired.

    The times are those of the internal token.
    """
    with refusing():
        payload, _ = _internal(token, INTERNAL_KEY, audience)
        claims = _key_claims(payload)
        _check_times(payload, longest=timedelta(seconds=INTERNAL_LIFETIME))
        return claims


def _internal(token: str, kind: Kind, audience: str) -> tuple[Members, Key]:
    payload, key = _payload_of(
        token,
        kind,
        settings.JWT_INTERNAL_SIGNING_KEY,
        settings.JWT_PREVIOUS_INTERNAL_SIGNING_KEYS,
    )
    if audience not in audiences_of(payload):
        raise ValueError("the token is meant for another")
    return payload, key


def _key_claims(payload: Members) -> KeyClaims:
    (organization_id,) = organizations_of(payload)
    holder, scope = payload["holder"], payload["scope"]
    if holder not in {"service_account", "user"} or not isinstance(scope, str):
        raise ValueError("a key is held by a program or a person, for some scopes")
    subject, by_account = uuid_of(payload["sub"]), holder == "service_account"
    return KeyClaims(
        key_id=uuid_of(payload["key"]),
        organization_id=organization_id,
        scopes=frozenset(scope.split()),
        issued_at=moment(payload["iat"]),
        expires_at=moment(payload["exp"]),
        service_account_id=subject if by_account else None,
        user_id=None if by_account else subject,
    )


def _payload_of(
    token: str, kind: Kind, key: str, others: Sequence[str]
) -> tuple[Members, Key]:
    ring = ring_of((key, *others))
    header, payload = take_apart(token)
    signer = own_key(header, ring)
    check_signature(token, signer)
    check_kind(payload, kind)
    if payload["iss"] != settings.PUBLIC_URL:
        raise ValueError("the token is of another issuer")
    return payload, signer


def _refresh_claims(payload: Members) -> RefreshClaims:
    if type(payload["gen"]) is not int or payload["gen"] < 1:
        raise ValueError("a generation is a number from 1")
    return RefreshClaims(
        user_id=uuid_of(payload["sub"]),
        session_id=uuid_of(payload["sid"]),
        generation=payload["gen"],
        expires_at=moment(payload["exp"]),
    )


def _check_times(payload: Members, *, longest: timedelta) -> None:
    leeway, seconds = settings.SIMPLE_JWT["LEEWAY"], longest.total_seconds()
    check_times(payload, now=time.time(), leeway=leeway, longest=seconds)

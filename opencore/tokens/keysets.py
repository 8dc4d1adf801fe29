"""Public keys as RFC 7517 writes them: those of others, and our own for others."""

import json
import re
from collections.abc import Mapping
from typing import Any

import jwt
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from opencore.tokens.keys import (
    ALGORITHM_OF_SECRETS,
    Key,
    algorithm_of,
    jwk_of,
    load_key,
)

# A name ends up in logs and in Redis, so it is short and plain.
_NAME = re.compile(r"[A-Za-z0-9._~:=+/-]{1,128}")


def keys_of(document: bytes) -> tuple[list[Key], list[str]]:
    """Return the keys of a set that can verify tokens, and why others were left out.

    Raises ValueError if the document is no key set.
    """
    try:
        members = json.loads(document)["keys"]
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("the document is no key set") from error
    if not isinstance(members, list):
        raise ValueError("the document is no key set")
    keys: dict[str, Key] = {}
    left_out: list[str] = []
    for member in members:
        try:
            key = _key_of(member)
            if key.key_id in keys:
                raise ValueError("its name stands twice")
            keys[key.key_id] = key
        except (ValueError, TypeError, ImproperlyConfigured, jwt.PyJWTError) as error:
            left_out.append(f"{_name_of(member)}: {error}")
    return list(keys.values()), left_out


def own_key_set() -> list[dict[str, str]]:
    """Return what others need to verify tokens of ours; of secrets, nothing."""
    texts = (
        settings.JWT_SIGNING_KEY,
        *settings.JWT_PREVIOUS_SIGNING_KEYS,
        settings.JWT_INTERNAL_SIGNING_KEY,
        *settings.JWT_PREVIOUS_INTERNAL_SIGNING_KEYS,
    )
    keys = {key.key_id: key for key in map(load_key, filter(None, texts))}
    return [
        jwk_of(key) for key in keys.values() if key.algorithm != ALGORITHM_OF_SECRETS
    ]


def _key_of(member: object) -> Key:
    if not isinstance(member, dict):
        raise ValueError("it is no key")
    name = member.get("kid")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("it has no plain name")
    _check_use(member)
    try:
        public = jwt.PyJWK(member, _algorithm_of(member)).key
    except jwt.PyJWTError as error:
        raise ValueError("it is malformed") from error
    return Key(name, algorithm_of(public), public)


def _check_use(member: Mapping[str, Any]) -> None:
    if member.get("kty") == "oct" or "d" in member or "k" in member:
        raise ValueError("it is not public")
    if member.get("use", "sig") != "sig":
        raise ValueError("it is not for signatures")
    if "verify" not in member.get("key_ops", ("verify",)):
        raise ValueError("it is not for verifying")


def _algorithm_of(member: Mapping[str, Any]) -> str:
    """Return the one algorithm of a kind of key, whatever the key says of itself."""
    found = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}
    found[("OKP", "Ed25519")] = "EdDSA"
    algorithm = found.get((str(member.get("kty")), member.get("crv")))
    if algorithm is None or member.get("alg", algorithm) != algorithm:
        raise ValueError("it is of a kind that is not used here")
    return algorithm


def _name_of(member: object) -> str:
    return repr(member.get("kid"))[:80] if isinstance(member, dict) else "?"

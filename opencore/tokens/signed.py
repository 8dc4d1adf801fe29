"""Takes tokens apart, strictly: each has one spelling and can be read in one way."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import jwt

from opencore.tokens.keys import Key

LARGEST_TOKEN = 4096
ALGORITHMS = ("HS384", "RS256", "ES256", "EdDSA")

Members = dict[str, Any]

_jws = jwt.PyJWS(algorithms=ALGORITHMS)


def take_apart(token: str) -> tuple[Members, Members]:
    """Return what a header and a payload say, unverified; raises ValueError.

    A text that nests too deeply raises RecursionError.
    """
    # Checked first: decoding a large token is dear, also one that is forged.
    if len(token) > LARGEST_TOKEN or not token.isascii():
        raise ValueError("the token is too long, or no token")
    header, payload, signature = token.split(".")
    _bytes_of(signature)
    return _members(header), _members(payload)


def check_signature(token: str, key: Key) -> None:
    """Raise jwt.InvalidTokenError unless the key signed the token, in its own way."""
    # PyJWT's types leave out that each algorithm takes its own kind of key.
    public: Any = key.public
    _jws.decode_complete(token, public, algorithms=[key.algorithm])


def _members(part: str) -> Members:
    members = json.loads(_bytes_of(part), object_pairs_hook=_unique)
    if not isinstance(members, dict):
        raise ValueError("the part holds no names")
    return members


def _bytes_of(part: str) -> bytes:
    found = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(found).rstrip(b"=") != part.encode():
        raise ValueError("the part has another spelling")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> Members:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members

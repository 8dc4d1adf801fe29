"""Puts tokens together and takes them apart, strictly: each can be read in one way.

What PyJWT finds out of a key each time that it signs or verifies, it is asked for once.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from django.core.exceptions import ImproperlyConfigured

from opencore.tokens.keys import Key

LARGEST_TOKEN = 4096
MOST_KEYS = 256

Members = dict[str, Any]


def sign(payload: Members, key: Key) -> str:
    """Return the payload as a token that the key signed; the header names the key."""
    if key.private is None:
        raise ImproperlyConfigured("A public key of tokens can't sign.")
    way = _way_of(key)
    signed = b".".join((way.header, _text_of(_encode(payload).encode())))
    signature = way.algorithm.sign(signed, way.private)
    return b".".join((signed, _text_of(signature))).decode()


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
    """Raise jwt.InvalidSignatureError unless the key signed the token, in its own way.

    The token was taken apart before, and its header is what one of the key's may say.
    """
    way = _way_of(key)
    signed, _, signature = token.rpartition(".")
    if not way.algorithm.verify(signed.encode(), way.public, _bytes_of(signature)):
        raise jwt.InvalidSignatureError


@dataclass(frozen=True, slots=True)
class _Way:
    """How a key signs: the algorithm, the key as it takes it, and what a token begins with.

    PyJWT's types leave out that each algorithm takes its own kind of key.
    """

    algorithm: Any
    public: Any
    private: Any
    header: bytes


@lru_cache(maxsize=MOST_KEYS)
def _way_of(key: Key) -> _Way:
    algorithm: Any = jwt.get_algorithm_by_name(key.algorithm)
    header = {"alg": key.algorithm, "kid": key.key_id, "typ": "JWT"}
    return _Way(
        algorithm,
        public=algorithm.prepare_key(key.public),
        private=key.private and algorithm.prepare_key(key.private),
        header=_text_of(_encode(header).encode()),
    )


def _members(part: str) -> Members:
    members = _decode(_bytes_of(part).decode())
    if not isinstance(members, dict):
        raise ValueError("the part holds no names")
    return members


def _bytes_of(part: str) -> bytes:
    found = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if _text_of(found) != part.encode():
        raise ValueError("the part has another spelling")
    return found


def _text_of(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def _unique(pairs: list[tuple[str, Any]]) -> Members:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder(object_pairs_hook=_unique).decode

"""Tokens that are put together by hand, and keys of each kind."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import (
    generate_private_key as generate_rsa_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from opencore.tokens import TokenExpired, TokenInvalid, mint_access, mint_refresh

ADA = UUID("01a20d8f-d1e5-7ce6-9779-fa435485c222")
SESSION = UUID("01a20d8f-d28e-7a9f-81ab-ca842cb3a66b")
ACME = UUID("01a20d8f-d2a0-7b55-8b0e-3c1f0e3a9c11")
OTHER_KEY = "another-key-" + "0123456789abcdef" * 4

Members = dict[str, Any]
Change = Callable[[Members, Members], object]

_NEW_KEYS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: generate_rsa_key(65537, 2048),
    "ES256": lambda: generate_private_key(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
    "weak": lambda: generate_rsa_key(65537, 1024),  # noqa: S505 -- refused for that
    "another curve": lambda: generate_private_key(SECP384R1()),
}
PAIRS = ("RS256", "ES256", "EdDSA")


def now() -> datetime:
    return datetime.now(UTC)


def pem_of(kind: str, number: int = 1) -> str:
    """Return the same private key of a kind each time; the number makes it another."""
    return _pem_of(kind, number)


@cache
def _pem_of(kind: str, number: int) -> str:
    key = _NEW_KEYS[kind]()
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def public_half(pem: str) -> str:
    key = load_pem_private_key(pem.encode(), None).public_key()
    public = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public.decode()


def jwk(kind: str, number: int = 1, **changes: object) -> Members:
    """Return the public half of a key as a key set has it."""
    return {**_jwk_of(kind, number), **changes}


@cache
def _jwk_of(kind: str, number: int) -> Members:
    private = load_pem_private_key(pem_of(kind, number).encode(), None)
    public: Any = private.public_key()
    algorithm = {"weak": "RS256", "another curve": "ES384"}.get(kind, kind)
    found = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    return {**found, "kid": f"{kind}-{number}", "use": "sig", "alg": algorithm}


def access() -> str:
    return mint_access(user_id=ADA, session_id=SESSION, role="user", now=now())


def refresh() -> str:
    return mint_refresh(user_id=ADA, session_id=SESSION, generation=3, now=now())


def encoded(value: object) -> str:
    return base64(json.dumps(value).encode())


def base64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(part: str) -> Members:
    members: Members = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return members


def header_of(token: str) -> Members:
    return decoded(token.split(".", maxsplit=1)[0])


def signed(header: str, payload: str, *, key: str | None = None) -> str:
    """Sign any two texts with our own key: forged by an insider, if you will."""
    text = f"{header}.{payload}"
    secret = settings.JWT_SIGNING_KEY if key is None else key
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha384).digest()
    return f"{text}.{base64(digest)}"


def changed(change: Change) -> str:
    """Return a token of ours with another header or payload, rightly signed."""
    header, payload, _ = access().split(".")
    members = decoded(header), decoded(payload)
    change(*members)
    return signed(*(encoded(each) for each in members))


def is_read(read: Callable[[], object]) -> bool:
    """Tell whether a token is accepted, here or by PyJWT."""
    try:
        read()
    except (TokenInvalid, TokenExpired, jwt.InvalidTokenError):
        return False
    return True


def other_letter(text: str, place: int) -> str:
    """Return a text of base64 with another letter, which differs in the lowest bit."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    letter = letters[letters.index(text[place]) ^ 1]
    return text[:place] + letter + text[place:][1:]

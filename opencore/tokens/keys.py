"""Keys of tokens by their names: the key alone says how it signs, never a token."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)
from django.core.exceptions import ImproperlyConfigured

ALGORITHM_OF_SECRETS = "HS384"
FEWEST_RSA_BITS = 2048
KID_LENGTH = 12

PrivateKey = bytes | RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = bytes | RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A key under its name; `private` is None where it is only known to verify."""

    key_id: str
    algorithm: str
    public: PublicKey
    private: PrivateKey | None = None


class KeyRing:
    """The keys that are believed together, by their names.

    It never changes: another one takes its place, and says so by `retired`. What was
    verified with a retired ring has to be verified again.
    """

    __slots__ = ("by_name", "retired")

    def __init__(self, keys: Iterable[Key]) -> None:
        self.by_name: Mapping[object, Key] = {key.key_id: key for key in keys}
        self.retired = False


def ring_of(texts: tuple[str, ...]) -> KeyRing:
    """Return the ring of keys that are written as secrets or as PEM."""
    return KeyRing(load_key(text) for text in texts)


def kid_of(text: str) -> str:
    """Return the name of a key, which tells nothing of the key."""
    return load_key(text).key_id


def is_pem(text: str) -> bool:
    """Tell whether a key is meant to be a pair of keys, and no secret."""
    return text.lstrip().startswith("-----BEGIN")


@lru_cache(maxsize=64)
def load_key(text: str) -> Key:
    """Return the key that a text holds; raises ImproperlyConfigured if it holds none.

    A secret signs with HS384; a PEM with RS256, ES256 or EdDSA, as it is of RSA, of
    P-256 or of Ed25519. A PEM may also hold a public key, which only verifies.
    """
    if not text:
        raise ImproperlyConfigured("A signing key of tokens is empty.")
    if is_pem(text):
        return _pair_of(text.strip().encode())
    secret = text.encode()
    digest = hmac.digest(secret, b"opencore kid", "sha256")
    return Key(_short(digest), ALGORITHM_OF_SECRETS, secret, secret)


def algorithm_of(public: object) -> str:
    """Return the one algorithm of a public key; raises ImproperlyConfigured."""
    if isinstance(public, RSAPublicKey) and public.key_size >= FEWEST_RSA_BITS:
        return "RS256"
    if isinstance(public, EllipticCurvePublicKey):
        if isinstance(public.curve, SECP256R1):
            return "ES256"
    elif isinstance(public, Ed25519PublicKey):
        return "EdDSA"
    raise ImproperlyConfigured(
        f"A key of tokens must be of RSA with at least {FEWEST_RSA_BITS} bits, of P-256"
        " or of Ed25519."
    )


def jwk_of(key: Key) -> dict[str, str]:
    """Return a public key as RFC 7517 writes it."""
    members = _required_members(key.algorithm, key.public)
    return {**members, "kid": key.key_id, "alg": key.algorithm, "use": "sig"}


def _pair_of(pem: bytes) -> Key:
    private: Any = None
    try:
        if b"PRIVATE KEY" in pem:
            private = load_pem_private_key(pem, None)
            public: Any = private.public_key()
        else:
            public = load_pem_public_key(pem)
    except (ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        # What the library says of it may repeat a part of the key.
        raise ImproperlyConfigured("A key of tokens is no PEM of a key.") from None
    algorithm = algorithm_of(public)
    # The name is RFC 7638's thumbprint, so that both halves of a pair have the same.
    text = json.dumps(
        _required_members(algorithm, public), separators=(",", ":"), sort_keys=True
    )
    return Key(_short(sha256(text.encode()).digest()), algorithm, public, private)


def _required_members(algorithm: str, public: Any) -> dict[str, str]:  # noqa: ANN401 -- PyJWT takes a kind of key for each algorithm
    members = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    names = {"kty", "n", "e", "crv", "x", "y"}
    return {name: value for name, value in members.items() if name in names}


def _short(digest: bytes) -> str:
    return urlsafe_b64encode(digest)[:KID_LENGTH].decode()

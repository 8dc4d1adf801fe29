"""Tokens of another issuer, whose keys are named by their kinds."""

from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.opencore.tokens.forging import ADA, Members, base64, encoded, pem_of

IDP = "https://login.example.com"
KEYS_URL = f"{IDP}/keys"
OURS = "https://api.example.com"
NOW = 1_800_000_000


def token_of(
    kind: str = "ES256",
    *,
    now: int = NOW,
    **claims: object,
) -> str:
    """Return a token of the other issuer; a claim that is None is left out."""
    payload: Members = {
        "iss": IDP,
        "sub": str(ADA),
        "aud": OURS,
        "iat": now,
        "exp": now + 3600,
        "jti": "token-1",
        **claims,
    }
    said = {name: value for name, value in payload.items() if value is not None}
    return signed_by(kind, {"alg": kind, "typ": "JWT", "kid": kind}, said)


def signed_by(kind: str, header: Members, payload: Members) -> str:
    key: Any = load_pem_private_key(pem_of(kind).encode(), None)
    text = f"{encoded(header)}.{encoded(payload)}"
    signature = jwt.get_algorithm_by_name(kind).sign(text.encode(), key)
    return f"{text}.{base64(signature)}"

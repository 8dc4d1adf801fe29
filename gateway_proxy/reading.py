"""Reads access tokens for the gateway."""

from opencore.claims import AccessClaims
from opencore.tokens import read_access


def read_token(token: str, audience: str | None) -> AccessClaims:  # noqa: ARG001 -- tokens name no audience yet
    """Return what an access token says, or refuse it."""
    return read_access(token)

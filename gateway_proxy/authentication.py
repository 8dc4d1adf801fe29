"""Reads who is asking from the access token that came with the request."""

from gateway_proxy.core.errors import Unauthenticated
from gateway_proxy.core.messages import Headers
from opencore.claims import AccessClaims
from opencore.tokens import read_access


def identify(headers: Headers) -> AccessClaims:
    """Return the claims of the request's access token, or refuse it."""
    values = [value for name, value in headers if name.lower() == "authorization"]
    scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated(headers={"WWW-Authenticate": "Bearer"})
    return read_access(token.strip())

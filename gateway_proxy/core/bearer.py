"""Finds the token that came with a request."""

from gateway_proxy.core.errors import Unauthenticated
from gateway_proxy.core.messages import Headers


def bearer_token(headers: Headers) -> str:
    """Return the one bearer token of a request; raises Unauthenticated without one."""
    values = [value for name, value in headers if name == "authorization"]
    scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(headers={"WWW-Authenticate": "Bearer"})
    return token

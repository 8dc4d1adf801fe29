"""Finds the token, or the API key, that came with a request."""

from gateway_proxy.core.errors import Unauthenticated
from gateway_proxy.core.messages import Headers


def bearer_token(headers: Headers) -> str:
    """Return what the one bearer of a request shows; raises Unauthenticated without."""
    values = [value for name, value in headers if name == "authorization"]
    scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(headers={"WWW-Authenticate": "Bearer"})
    return token

"""Which headers pass the gateway, in each direction, and which it writes itself."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from gateway_proxy.core.messages import Headers, Incoming
from gateway_proxy.core.routes import API, find_route
from opencore.claims import AccessClaims

_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    }
)
# The gateway frames and addresses the request anew, so these are its own to write.
_REWRITTEN = frozenset({"host", "content-length", "expect", "x-request-id"})
# What upstreams take the gateway's word for, no client may say.
_GATEWAYS_WORD = frozenset(
    {"forwarded", "x-real-ip", "x-original-url", "x-original-host", "x-rewrite-url"}
)
_GATEWAYS_WORDS = ("x-user-", "x-org-", "x-session-", "x-forwarded-")


def headers_for_upstream(request: Incoming, claims: AccessClaims | None) -> Headers:
    """Return the client's headers without what it may not say, then the gateway's own.

    The gateway's come last, so that no `Connection: X-User-Id` can strike them out.
    """
    kept = [
        (name, value)
        for name, value in end_to_end(request.headers)
        if not _is_the_gateways(name.lower())
    ]
    return (*kept, *_own_headers(request, claims))


def headers_for_client(headers: Headers, *, origin: str) -> Headers:
    """Return an upstream's headers as the client gets them.

    `origin` is where the gateway spoke to the upstream: host, and path if it has one.
    """
    passed = []
    for name, value in end_to_end(headers):
        lower = name.lower()
        if lower in {"server", "x-request-id"}:
            continue
        if lower in {"location", "content-location"}:
            location = location_for_client(value, origin=origin)
            if location is not None:
                passed.append((name, location))
            continue
        passed.append((name, value))
    return tuple(passed)


def end_to_end(headers: Headers) -> Headers:
    """Return the headers that are meant for more than the next hop."""
    listed = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == "connection"
        for token in value.split(",")
    }
    dropped = _HOP_BY_HOP | listed
    return tuple(pair for pair in headers if pair[0].lower() not in dropped)


def location_for_client(location: str, *, origin: str) -> str | None:
    """Return a location as the gateway's own path, or None if it leads elsewhere."""
    if "\\" in location:
        return None
    try:
        parts = urlsplit(location)
    except ValueError:
        return None
    host, slash, base = origin.partition("/")
    if parts.netloc and (parts.netloc != host or parts.scheme not in {"http", "https"}):
        return None
    if not parts.netloc and parts.scheme:
        return None
    path = parts.path
    if not parts.netloc and not path.startswith("/"):
        return location
    root = f"{slash}{base}{API}"
    mapped = path.removeprefix(root)
    if mapped == path or find_route(mapped) is None:
        return None
    return parts._replace(scheme="", netloc="", path=mapped).geturl()


def total_size(headers: Iterable[tuple[str, str]]) -> int:
    """Return how many bytes the headers took on the wire."""
    return sum(len(name) + len(value) + len(": \r\n") for name, value in headers)


def _is_the_gateways(name: str) -> bool:
    return (
        name in _REWRITTEN
        or name in _GATEWAYS_WORD
        or name.startswith(_GATEWAYS_WORDS)
        # A server that reads CGI names can't tell this from the name with hyphens.
        or "_" in name
    )


def _own_headers(request: Incoming, claims: AccessClaims | None) -> Headers:
    own = (
        ("X-Forwarded-For", request.sender),
        ("X-Forwarded-Proto", request.scheme),
        ("X-Forwarded-Host", request.host),
        ("X-Request-Id", request.request_id),
    )
    if claims is None:
        return own
    return (
        *own,
        ("X-User-Id", str(claims.user_id)),
        ("X-User-Role", claims.role),
        ("X-Session-Id", str(claims.session_id)),
    )

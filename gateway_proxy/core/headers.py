"""Which headers pass the gateway, in each direction, and which it writes itself."""

from functools import lru_cache
from urllib.parse import urlsplit

from gateway_proxy.core.messages import Headers, Incoming
from gateway_proxy.core.routes import API
from gateway_proxy.core.table import RouteTable
from opencore.claims import Claims, KeyClaims

# A token that tells an upstream who asks; see opencore.tokens.
IDENTITY_HEADER = "x-opencore-identity"

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
_REWRITTEN = frozenset(
    {
        *("host", "content-length", "expect", "x-request-id"),
        *("traceparent", "tracestate"),
    }
)
# What upstreams take the gateway's word for, no client may say.
_GATEWAYS_WORD = frozenset(
    {"forwarded", "x-real-ip", "x-original-url", "x-original-host", "x-rewrite-url"}
)
_GATEWAYS_WORDS = (*("x-user-", "x-org-", "x-session-", "x-forwarded-", "x-opencore-"),)
_NOT_FOR_CLIENTS = _HOP_BY_HOP | {"server", "x-request-id"}


def headers_for_upstream(
    request: Incoming, own: Headers = (), *, hidden: frozenset[str] = frozenset()
) -> Headers:
    """Return the client's headers without what it may not say, then the gateway's own.

    The gateway's come last, so that no `Connection: X-User-Id` can strike them out.
    What is hidden is kept from the upstream.
    """
    listed = _listed(request.headers) | hidden
    kept = [
        pair
        for pair in request.headers
        if _may_be_said(pair[0]) and pair[0] not in listed
    ]
    return (
        *kept,
        ("x-forwarded-for", request.sender),
        ("x-forwarded-proto", request.scheme),
        ("x-forwarded-host", request.host),
        ("x-request-id", request.request_id),
        *own,
    )


def identity_headers(claims: Claims) -> Headers:
    """Return who asks, for an upstream that only the gateway reaches.

    Where staff acts as the user, that is said, too. A program is nobody's session: what
    knows people alone takes it for nobody.
    """
    if isinstance(claims, KeyClaims):
        return _program_headers(claims)
    headers = (
        ("x-user-id", claims.user),
        ("x-user-role", claims.role),
        ("x-session-id", claims.session),
    )
    if claims.impersonator_id is None:
        return headers
    return (*headers, ("x-user-impersonator-id", str(claims.impersonator_id)))


def _program_headers(claims: KeyClaims) -> Headers:
    if claims.service_account_id is not None:
        holder = ("x-opencore-service-account-id", str(claims.service_account_id))
    else:
        holder = ("x-opencore-key-user-id", str(claims.user_id))
    return (
        ("x-opencore-key-id", str(claims.key_id)),
        ("x-opencore-scopes", " ".join(sorted(claims.scopes))),
        ("x-org-id", str(claims.organization_id)),
        holder,
    )


def headers_for_client(headers: Headers, *, origin: str, table: RouteTable) -> Headers:
    """Return an upstream's headers as the client gets them.

    `origin` is where the gateway spoke to the upstream: host, and path if it has one.
    """
    listed = _listed(headers)
    passed = []
    for name, value in headers:
        if name in _NOT_FOR_CLIENTS or name in listed:
            continue
        if name in {"location", "content-location"}:
            location = location_for_client(value, origin=origin, table=table)
            if location is not None:
                passed.append((name, location))
            continue
        passed.append((name, value))
    return tuple(passed)


def location_for_client(location: str, *, origin: str, table: RouteTable) -> str | None:
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
    if mapped == path or table.find(mapped) is None:
        return None
    return parts._replace(scheme="", netloc="", path=mapped).geturl()


def _listed(headers: Headers) -> frozenset[str]:
    """Return the names that are meant for the next hop only."""
    values = [value for name, value in headers if name == "connection"]
    return _tokens_of(",".join(values)) if values else frozenset()


@lru_cache(maxsize=256)
def _tokens_of(values: str) -> frozenset[str]:
    return frozenset(token.strip().lower() for token in values.split(","))


@lru_cache(maxsize=1024)
def _may_be_said(name: str) -> bool:
    """Tell whether a client's header is for the upstream and not the gateway's own."""
    return not (
        name in _HOP_BY_HOP
        or name in _REWRITTEN
        or name in _GATEWAYS_WORD
        or name.startswith(_GATEWAYS_WORDS)
        # A server that reads CGI names can't tell this from the name with hyphens.
        or "_" in name
    )

"""The route table of the settings, which every change lies over."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from gateway_proxy.config import read_config
from gateway_proxy.core.documents import Document, TableInvalid, table_of
from gateway_proxy.core.table import RouteTable

# Signing in has no token yet; refreshing and signing out prove themselves with the
# refresh token in their body. Who guesses codes must not gain by Redis being away.
CODE = {"when_down": "closed"}
ROUTES: dict[str, Document] = {
    "/auth": {"public": ["POST /auth/refresh", "POST /auth/logout"]},
    "/auth/otp": {"public": ["POST /auth/otp"], **CODE},
    "/auth/otp/verify": {"public": ["POST /auth/otp/verify"], **CODE},
    "/auth/mfa/verify": {"public": ["POST /auth/mfa/verify"], **CODE},
    "/auth/step-up": {**CODE},
    "/users": {},
    # What else there is belongs to people.
    "/orgs": {"api_keys": True},
    # What a link leads to is shown to who has it; to join, they sign in.
    "/invitations": {"public": ["GET /invitations/*"]},
    "/billing": {},
    "/notifications": {},
}
# A network and an organization are several people.
MANY = 4


def default_table() -> RouteTable:
    """Return the table of the settings. Raises ImproperlyConfigured."""
    upstreams = dict(read_config().upstreams)
    routes = {
        prefix: {**route, "upstreams": [upstreams[f"/{prefix.split('/')[1]}"]]}
        for prefix, route in ROUTES.items()
    }
    one, many = _limit(1), _limit(MANY)
    limits = {"address": one, "network": many, "user": one, "org": many}
    try:
        return table_of({"routes": routes, "limits": limits})
    except TableInvalid as error:
        raise ImproperlyConfigured(
            f"GATEWAY_UPSTREAMS, GATEWAY_RATE or GATEWAY_BURST is wrong: {error}"
        ) from error


def _limit(times: int) -> Document:
    return {
        "rate": float(settings.GATEWAY_RATE * times),
        "burst": settings.GATEWAY_BURST * times,
    }

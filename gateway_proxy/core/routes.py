"""Which paths the gateway serves, where they lead, and which need no token."""

from collections.abc import Mapping

from gateway_proxy.core.table import Route

API = "/v1"


# Signing in has no token yet; refreshing and signing out prove themselves with the
# refresh token in their body.
_PUBLIC_AUTH = frozenset(
    {
        ("POST", "/auth/otp"),
        ("POST", "/auth/otp/verify"),
        ("POST", "/auth/refresh"),
        ("POST", "/auth/logout"),
    }
)

ROUTES: Mapping[str, Route] = {
    route.prefix: route
    for route in (
        Route("/auth", public=_PUBLIC_AUTH),
        Route("/users"),
        Route("/orgs"),
        Route("/billing"),
        Route("/notifications"),
    )
}

"""Which paths the gateway serves, where they lead, and which need no token."""

from collections.abc import Mapping
from dataclasses import dataclass

API = "/v1"


@dataclass(frozen=True, slots=True)
class Route:
    """All paths below one prefix; they lead to the same paths below the API's root."""

    prefix: str
    public: frozenset[tuple[str, str]] = frozenset()

    def is_public(self, method: str, path: str) -> bool:
        """Say whether a request may come without an access token.

        The path must be written exactly so: any other spelling needs a token.
        """
        return (method, path) in self.public


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


def find_route(path: str) -> Route | None:
    """Return the route of a path, matched as it is written and as it is forwarded."""
    first = path[1:].partition("/")[0]
    return ROUTES.get(f"/{first}")

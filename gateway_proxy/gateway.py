"""Takes one request through the gateway: refuse, identify, charge, forward."""

from dataclasses import replace
from functools import lru_cache

from gateway_proxy.authentication import identify
from gateway_proxy.config import GatewayConfig, read_config
from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.errors import HeadersTooLarge, MethodNotAllowed
from gateway_proxy.core.headers import (
    headers_for_client,
    headers_for_upstream,
    total_size,
)
from gateway_proxy.core.messages import AccessRecord, Answer, Incoming, Outgoing
from gateway_proxy.core.routes import API, Route, find_route
from gateway_proxy.core.targets import check_target
from gateway_proxy.ratelimit import Limiter, SharedBuckets
from gateway_proxy.upstream import upstream_at
from opencore.claims import AccessClaims
from opencore.errors import DomainError, NotFound, RateLimited

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HEADER_BYTES = 32 * 1024
HEADER_COUNT = 100


class Gateway:
    """The way every request takes, whichever server or framework brought it."""

    def __init__(self, config: GatewayConfig) -> None:
        self._verifies_tokens = config.verifies_tokens
        self._by_user = Policy("user", config.rate, config.burst)
        self._by_address = Policy("address", config.rate, config.burst)
        self._limiter = Limiter(
            SharedBuckets(config.redis_url, timeout=config.redis_timeout)
        )
        addresses = {address for _, address in config.upstreams}
        upstreams = {address: upstream_at(address) for address in addresses}
        self._upstreams = {
            prefix: upstreams[address] for prefix, address in config.upstreams
        }

    def forward(self, request: Incoming, record: AccessRecord) -> Answer:
        """Return the upstream's answer, or refuse; the record is filled on the way."""
        route = _admit(request)
        record.route = route.prefix
        claims = self._identify(request, route, record)
        self._charge(request, claims, record)
        upstream = self._upstreams[route.prefix]
        record.upstream = upstream.name
        outgoing = _outgoing(request, claims)
        answer = upstream.send(outgoing)
        origin = upstream.origin(outgoing)
        headers = headers_for_client(answer.headers, origin=origin)
        return replace(answer, headers=headers)

    def close(self) -> None:
        """Let go of all connections."""
        self._limiter.close()
        for upstream in self._upstreams.values():
            upstream.close()

    def _identify(
        self, request: Incoming, route: Route, record: AccessRecord
    ) -> AccessClaims | None:
        if not self._verifies_tokens or route.is_public(request.method, request.path):
            return None
        try:
            claims = identify(request.headers)
        except DomainError:
            # Guessing tokens is not for free.
            self._charge(request, None, record)
            raise
        record.user_id = str(claims.user_id)
        return claims

    def _charge(
        self, request: Incoming, claims: AccessClaims | None, record: AccessRecord
    ) -> None:
        if claims is None:
            key, policy = f"address:{request.client}", self._by_address
        else:
            key, policy = f"user:{claims.user_id}", self._by_user
        verdict = self._limiter.take(key, policy)
        record.limits = verdict.headers()
        if not verdict.allowed:
            raise RateLimited


def _outgoing(request: Incoming, claims: AccessClaims | None) -> Outgoing:
    return Outgoing(
        method=request.method,
        path=API + request.path,
        query=request.query,
        headers=headers_for_upstream(request, claims),
        body=request.read_body(),
        scheme=request.scheme,
        host=request.host,
        peer=request.peer,
    )


def current_gateway() -> Gateway:
    """Return the gateway of the settings; it keeps connections, so it is made once."""
    return _gateway_of(read_config())


@lru_cache(maxsize=8)
def _gateway_of(config: GatewayConfig) -> Gateway:
    return Gateway(config)


def _admit(request: Incoming) -> Route:
    if request.method not in METHODS:
        raise MethodNotAllowed(headers={"Allow": ", ".join(METHODS)})
    too_many = len(request.headers) > HEADER_COUNT
    if too_many or total_size(request.headers) > HEADER_BYTES:
        raise HeadersTooLarge
    check_target(request.path, request.query)
    route = find_route(request.path)
    if route is None:
        raise NotFound
    return route

"""Takes one request through the gateway: refuse, identify, charge, forward."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway_proxy.core.bearer import bearer_token
from gateway_proxy.core.charging import charge_of
from gateway_proxy.core.cors import CrossOrigin
from gateway_proxy.core.errors import (
    ApiKeyNotTaken,
    HeadersTooLarge,
    MalformedRequest,
    MethodNotAllowed,
    TokenRevoked,
)
from gateway_proxy.core.headers import (
    IDENTITY_HEADER,
    headers_for_client,
    headers_for_upstream,
    identity_headers,
)
from gateway_proxy.core.messages import (
    METHODS,
    SAFE_METHODS,
    AccessRecord,
    Answer,
    Headers,
    Incoming,
    Outgoing,
    Upload,
)
from gateway_proxy.core.ports import (
    CurrentTable,
    Keys,
    Limits,
    MintIdentity,
    ReadToken,
    Transport,
)
from gateway_proxy.core.routes import API
from gateway_proxy.core.sight import NoSight, Sight
from gateway_proxy.core.table import Route, RouteTable
from gateway_proxy.core.targets import check_target
from gateway_proxy.core.tracing import trace_of
from gateway_proxy.core.upstreams import Upstream
from opencore.api_keys import ApiKeyInvalid, is_key
from opencore.claims import Claims, KeyClaims
from opencore.errors import (
    BodyTooLarge,
    DomainError,
    NotFound,
    RateLimited,
    ReadOnly,
)

HEADER_BYTES = 32 * 1024
HEADER_COUNT = 100
# What stands on the wire beside a header's name and its value.
HEADER_REST = len(": \r\n")
# A body up to this size is read first, so that it can be sent a second time.
HELD_BODY = 64 * 1024
# A key lives long; an upstream that is told who asks by a token needs none.
_CREDENTIALS = frozenset({"authorization"})
_CONTROL = re.compile("[\\x00-\\x08\\x0a-\\x1f\\x7f]")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a front brings to the gateway."""

    table: CurrentTable
    read_token: ReadToken
    limits: Limits
    transport: Transport
    mint_identity: MintIdentity
    keys: Keys | None = None
    cors: CrossOrigin = field(default_factory=CrossOrigin)
    sight: Sight = field(default_factory=NoSight)
    verifies_tokens: bool = True
    tells_legacy_limits: bool = False


class Gateway:
    """The way every request takes, whichever server or framework brought it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._upstreams: dict[tuple[str, ...], Upstream] = {}
        self._table: RouteTable | None = None

    def serves(self, path: str) -> bool:
        """Tell whether a path is one of the gateway's routes, as it is written."""
        return self._parts.table().find(path) is not None

    @property
    def sight(self) -> Sight:
        """Return who watches."""
        return self._parts.sight

    async def forward(self, request: Incoming, record: AccessRecord) -> Answer:
        """Return the upstream's answer, or refuse; the record is filled on the way."""
        trace = trace_of(request.headers)
        record.trace_id = trace.trace_id
        table = self._parts.table()
        if table is not self._table:
            self._forget_unnamed(table)
        route = _admit(request, table)
        record.route = route.prefix
        preflight = self._parts.cors.preflight(request.method, request.headers)
        if preflight is not None:
            await self._charge(request, route, None, table, record)
            return preflight
        claims = await self._identify(request, route, table, record)
        await self._charge(request, route, claims, table, record)
        if claims and claims.read_only and request.method not in SAFE_METHODS:
            raise ReadOnly
        upstream = self._upstream_of(route)
        record.upstream = upstream.name
        own = (*self._identity(request, route, claims), *trace.headers())
        outgoing = await _outgoing(request, route, own, hidden=_hidden(route, claims))
        answered = await upstream.send(outgoing)
        record.upstream = answered.host.name
        headers = headers_for_client(
            answered.answer.headers, origin=answered.host.origin(outgoing), table=table
        )
        answer = answered.answer
        return Answer(answer.status, answer.reason, headers, answer.body)

    def dress(
        self, headers: Headers, *, asked: Headers, record: AccessRecord
    ) -> Headers:
        """Return an answer's headers with the client's limits and who may read it."""
        if record.decision is not None:
            said = record.decision.headers()
            if self._parts.tells_legacy_limits:
                said = {**said, **record.decision.legacy_headers()}
            kept = [pair for pair in headers if pair[0] not in said]
            headers = (*kept, *said.items())
        return self._parts.cors.decorate(asked, headers)

    async def close(self) -> None:
        """Let go of all connections."""
        await self._parts.limits.close()
        if self._parts.keys is not None:
            await self._parts.keys.close()
        for upstream in self._upstreams.values():
            await upstream.close()

    async def _identify(
        self,
        request: Incoming,
        route: Route,
        table: RouteTable,
        record: AccessRecord,
    ) -> Claims | None:
        if not self._parts.verifies_tokens:
            return None
        if route.is_public(request.method, request.path):
            return None
        try:
            shown = bearer_token(request.headers)
            if not is_key(shown):
                claims = self._parts.read_token(shown, route.audience)
                record.user_id = claims.user
                return claims
            keys = self._keys_of(route)
        except DomainError:
            # Guessing tokens is not for free.
            await self._charge(request, route, None, table, record)
            raise
        key = keys.known(shown)
        if key is None or not _admits(key, request):
            # Nor is it to make us look for a key, or to try one elsewhere.
            await self._charge(request, route, None, table, record)
        key = key or await keys.look_up(shown, request.sender)
        if key is None or not _admits(key, request):
            raise ApiKeyInvalid
        record.key_id = str(key.key_id)
        return key

    def _keys_of(self, route: Route) -> Keys:
        if self._parts.keys is None or not route.api_keys:
            raise ApiKeyNotTaken
        return self._parts.keys

    async def _charge(
        self,
        request: Incoming,
        route: Route,
        claims: Claims | None,
        table: RouteTable,
        record: AccessRecord,
    ) -> None:
        charge = charge_of(request, route, claims, table)
        decision = await self._parts.limits.decide(charge)
        record.decision = decision
        if decision.revoked:
            raise ApiKeyInvalid if isinstance(claims, KeyClaims) else TokenRevoked
        if not decision.allowed:
            raise RateLimited

    def _identity(
        self, request: Incoming, route: Route, claims: Claims | None
    ) -> Headers:
        if claims is None:
            return ()
        if route.identity == "headers":
            return identity_headers(claims)
        audience = route.audience or route.prefix
        token = self._parts.mint_identity(claims, audience, request.request_id)
        return ((IDENTITY_HEADER, token),)

    def _forget_unnamed(self, table: RouteTable) -> None:
        """Forget upstreams that no route names any more; answers on the way arrive."""
        self._table = table
        named = {route.upstreams for route in table.routes}
        for addresses in self._upstreams.keys() - named:
            self._upstreams.pop(addresses).forget()

    def _upstream_of(self, route: Route) -> Upstream:
        upstream = self._upstreams.get(route.upstreams)
        if upstream is None:
            open_exchange = self._parts.transport.exchange_with
            upstream = Upstream(
                [open_exchange(one) for one in route.upstreams],
                sight=self._parts.sight,
            )
            # Of two that were made at once, both use the one that came first.
            upstream = self._upstreams.setdefault(route.upstreams, upstream)
        return upstream


def _admit(request: Incoming, table: RouteTable) -> Route:
    if request.method not in METHODS:
        raise MethodNotAllowed(headers={"Allow": ", ".join(METHODS)})
    _check_headers(request.headers)
    check_target(request.path, request.query)
    route = table.find(request.path)
    if route is None:
        raise NotFound
    if request.length is not None and request.length > route.body_limit:
        raise BodyTooLarge
    return route


def _check_headers(headers: Headers) -> None:
    values = "".join([value for _, value in headers])
    size = len("".join([name for name, _ in headers])) + len(values)
    if len(headers) > HEADER_COUNT or size + len(headers) * HEADER_REST > HEADER_BYTES:
        raise HeadersTooLarge
    # What can be printed holds none; to look for each costs ten times as much.
    if not values.isprintable() and _CONTROL.search(values):
        raise MalformedRequest("A header holds a control character.")


def _admits(key: KeyClaims, request: Incoming) -> bool:
    return key.admits(request.sender, now=datetime.now(UTC))


def _hidden(route: Route, claims: Claims | None) -> frozenset[str]:
    """Return the headers that an upstream is not given."""
    by_key = isinstance(claims, KeyClaims) and route.identity == "token"
    return _CREDENTIALS if by_key else frozenset()


async def _outgoing(
    request: Incoming, route: Route, own: Headers, *, hidden: frozenset[str]
) -> Outgoing:
    return Outgoing(
        method=request.method,
        path=API + request.path,
        query=request.query,
        headers=headers_for_upstream(request, own, hidden=hidden),
        body=await _body(request, route),
        scheme=request.scheme,
        host=request.host,
        peer=request.peer,
        timeouts=route.timeouts,
    )


async def _body(request: Incoming, route: Route) -> bytes | Upload:
    if request.length == 0:
        return b""
    upload = request.upload(route.body_limit)
    if request.length is not None and request.length > HELD_BODY:
        return upload
    held = await upload.within(HELD_BODY)
    return upload if held is None else held

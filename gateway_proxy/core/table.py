"""Which paths the gateway serves, where they lead, and what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal
from uuid import UUID

from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.decisions import Charge, WhenDown

Identity = Literal["headers", "token"]


@dataclass(frozen=True, slots=True)
class Limit:
    """The numbers of one kind of bucket; in the shadow it refuses nobody."""

    policy: Policy
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that an upstream has to take a connection, to begin, and to end.

    A body that is passed on while it comes may take longer, as long as it is never
    silent for the seconds of `whole`.
    """

    connect: float = 1.0
    head: float = 10.0
    whole: float = 30.0


@dataclass(frozen=True, slots=True)
class Route:
    """All paths below one prefix, and how they are forwarded.

    `prefix` is one or more whole segments. `public` holds (method, path) pairs that
    need no token. `limits` overrides the table's by their names: address, network,
    user, org; `limits["route"]` is one bucket for all of the route's requests.
    `api_keys` says whether programs are let through by a key.
    """

    prefix: str
    upstreams: tuple[str, ...] = ("local",)
    public: frozenset[tuple[str, str]] = frozenset()
    audience: str | None = None
    cost: int = 1
    when_down: WhenDown = "local"
    limits: Mapping[str, Limit] = field(default_factory=dict)
    body_limit: int = 1024 * 1024
    timeouts: Timeouts = Timeouts()
    identity: Identity = "headers"
    api_keys: bool = False

    def is_public(self, method: str, path: str) -> bool:
        """Say whether a request may come without an access token.

        The path must be written exactly so: any other spelling needs a token. A last
        segment of `*` stands for any one segment.
        """
        if (method, path) in self.public:
            return True
        parent, _, last = path.rpartition("/")
        return last != "" and (method, f"{parent}/*") in self.public


@dataclass(frozen=True)
class RouteTable:
    """All routes, limits and plans at one moment; a change makes a new table.

    `limits` are the defaults by name: address (requests without a token, by address),
    network (all requests, by address), user, org. `plans` override them by plan, and
    `plan_of` names the plan of the users and organizations that have one.
    """

    version: int
    routes: tuple[Route, ...]
    limits: Mapping[str, Limit] = field(default_factory=dict)
    plans: Mapping[str, Mapping[str, Limit]] = field(default_factory=dict)
    plan_of: Mapping[UUID, str] = field(default_factory=dict)

    def find(self, path: str) -> Route | None:
        """Return the route with the longest prefix, matched as the path is written."""
        end = path.find("/", 1)
        first = path if end < 0 else path[:end]
        route, deepest = self._by_first.get(first, (None, 0))
        return route if deepest <= 1 else self._find_below(path, deepest)

    def _find_below(self, path: str, deepest: int) -> Route | None:
        by_prefix = self._by_prefix
        segments = path.split("/", deepest + 1)
        for depth in range(min(deepest, len(segments) - 1), 0, -1):
            route = by_prefix.get("/".join(segments[: depth + 1]))
            if route is not None:
                return route
        return None

    def limit_of(self, name: str, route: Route, plan: str | None) -> Limit | None:
        """Return the limit of this name that holds here; None if there is none."""
        if name in route.limits:
            return route.limits[name]
        if plan is not None:
            limit = self.plans.get(plan, {}).get(name)
            if limit is not None:
                return limit
        return self.limits.get(name)

    @cached_property
    def charges(self) -> dict[tuple[int, str, str, str | None], Charge]:
        """What was charged under this table to whom; see `charging`."""
        return {}

    @cached_property
    def _by_prefix(self) -> Mapping[str, Route]:
        return {route.prefix: route for route in self.routes}

    @cached_property
    def _by_first(self) -> Mapping[str, tuple[Route | None, int]]:
        """The route of each first segment, and how deep the routes below it go."""
        depths: dict[str, int] = {}
        for prefix in self._by_prefix:
            first = "/" + prefix.split("/", 2)[1]
            depths[first] = max(depths.get(first, 0), prefix.count("/"))
        return {first: (self._by_prefix.get(first), it) for first, it in depths.items()}

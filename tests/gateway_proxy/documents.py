"""Route tables of all kinds, and the smallest document of one."""

from typing import Any

from hypothesis import strategies as st

from gateway_proxy.core.allowance import Policy
from gateway_proxy.core.table import Limit, Route, RouteTable, Timeouts

BURST = 100
rates = st.floats(min_value=0.001, max_value=1_000_000)
bursts = st.integers(min_value=BURST, max_value=1_000_000_000)
seconds = st.floats(min_value=0.01, max_value=10)
names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
segments = st.from_regex(r"/[a-z0-9_~-][a-z0-9._~-]{0,9}", fullmatch=True)
methods = st.sampled_from(["GET", "POST", "DELETE"])
remote = st.lists(
    st.sampled_from(
        ["http://a", "https://b:8443/x", "http://[::1]:80", "unix:/run/c.sock:/y"]
    ),
    min_size=1,
    unique=True,
)


def smallest(**more: Any) -> dict[str, Any]:
    """Return a document with one route and the four limits, and whatever else."""
    limit = {"rate": 25.0, "burst": 50}
    limits = dict.fromkeys(("address", "network", "user", "org"), limit)
    return {"routes": {"/billing": {}}, "limits": limits, **more}


@st.composite
def limits(draw: st.DrawFn, *allowed: str, whole: bool = False) -> dict[str, Limit]:
    """Return limits of these names: all of them, or some."""
    chosen = allowed if whole else draw(st.sets(st.sampled_from(allowed)))
    return {
        name: Limit(Policy(name, draw(rates), draw(bursts)), shadow=draw(st.booleans()))
        for name in chosen
    }


@st.composite
def routes(draw: st.DrawFn, number: int) -> Route:
    """Return any route below a first segment of its own."""
    deeper = draw(st.lists(segments, max_size=2))
    prefix = f"/r{number}" + "".join(deeper)
    paths = st.sampled_from([prefix, f"{prefix}/", f"{prefix}/x%20y;v=1"])
    return Route(
        prefix=prefix,
        upstreams=tuple(draw(st.just(["local"]) | remote)),
        public=draw(st.frozensets(st.tuples(methods, paths))),
        audience=draw(st.none() | st.text("abc:/", min_size=1, max_size=9)),
        cost=draw(st.integers(min_value=1, max_value=BURST)),
        when_down=draw(st.sampled_from(["local", "open", "closed"])),
        limits=draw(limits("address", "network", "user", "org", "route")),
        body_limit=draw(st.integers(min_value=0, max_value=1024**3)),
        timeouts=Timeouts(draw(seconds), draw(seconds), whole=60.0),
        identity=draw(st.sampled_from(["headers", "token"])),
        api_keys=draw(st.booleans()),
    )


@st.composite
def tables(draw: st.DrawFn) -> RouteTable:
    """Return any table that is acceptable."""
    count = draw(st.integers(min_value=1, max_value=4))
    plans = draw(st.dictionaries(names, limits("user", "org"), max_size=3))
    holders = st.sampled_from(sorted(plans)) if plans else st.nothing()
    found = [draw(routes(number)) for number in range(count)]
    return RouteTable(
        version=draw(st.integers(min_value=0, max_value=2**40)),
        routes=tuple(sorted(found, key=lambda route: route.prefix)),
        limits=draw(limits("address", "network", "user", "org", whole=True)),
        plans=plans,
        plan_of=draw(st.dictionaries(st.uuids(), holders, max_size=3)),
    )

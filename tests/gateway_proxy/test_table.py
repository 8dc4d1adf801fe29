"""Which route a path has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_proxy.core.table import Route, RouteTable

PREFIXES = (
    "/auth",
    "/auth/otp",
    "/auth/otp/verify",
    "/orgs/members/roles",
    "/users",
    "/users/me",
)
TABLE = RouteTable(version=0, routes=tuple(Route(prefix) for prefix in PREFIXES))


def prefix_of(path: str) -> str | None:
    route = TABLE.find(path)
    return None if route is None else route.prefix


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        pytest.param("/users", "/users", id="the prefix itself"),
        pytest.param("/users/you", "/users", id="below it"),
        pytest.param("/users/me/x", "/users/me", id="below the second"),
        pytest.param("/auth/refresh", "/auth", id="beside a deeper one"),
        pytest.param("/auth/otp", "/auth/otp", id="a deeper one"),
        pytest.param("/auth/otp/verify/x", "/auth/otp/verify", id="the deepest"),
        pytest.param("/orgs/members", None, id="above the only one"),
        pytest.param("/orgs/members/roles/1", "/orgs/members/roles", id="without one"),
        pytest.param("/userspace", None, id="a longer first segment"),
        pytest.param("/user", None, id="a shorter first segment"),
        pytest.param("/", None, id="the root"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_path_has_the_route_of_its_longest_prefix(
    path: str, prefix: str | None
) -> None:
    assert prefix_of(path) == prefix


@given(st.lists(st.sampled_from(["auth", "otp", "verify", "orgs", "users", "x", ""])))
def test_a_prefix_is_whole_segments_of_the_path(segments: list[str]) -> None:
    path = "/" + "/".join(segments)

    longest = max(
        (prefix for prefix in PREFIXES if f"{path}/".startswith(f"{prefix}/")),
        key=len,
        default=None,
    )

    assert prefix_of(path) == longest

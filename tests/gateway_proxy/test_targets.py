"""Request targets that two programs could read differently."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway_proxy.core import targets
from gateway_proxy.core.errors import MalformedRequest, TargetTooLong
from gateway_proxy.core.table import Route
from gateway_proxy.core.targets import TARGET_LIMIT, check_target
from gateway_proxy.defaults import default_table

TRICKS = {
    "dot segments": "/auth/../billing/x",
    "a dot segment at the end": "/auth/..",
    "a single dot": "/auth/./otp",
    "escaped dots": "/auth/%2e%2e/billing",
    "half-escaped dots": "/auth/.%2E/billing",
    "dots with parameters": "/auth/..;x=1/billing",
    "a doubled slash": "/auth//otp",
    "a doubled slash at the end": "/auth//",
    "an escaped slash": "/auth%2fotp",
    "an escaped slash in capitals": "/auth/%2Fotp",
    "a backslash": "/auth\\..\\billing",
    "an escaped backslash": "/auth/%5c..%5cbilling",
    "NUL": "/auth/otp%00",
    "a line break": "/auth/otp%0d%0aX-User-Id:%20root",
    "DEL": "/auth/%7f",
    "a C1 control character": "/auth/%c2%85",
    "double escaping": "/auth/%252e%252e/billing",
    "an escaped percent sign": "/auth/100%25",
    "a broken escape": "/auth/%zz",
    "a cut escape": "/auth/%2",
    "what is not UTF-8": "/auth/%ff",
    "an overlong dot": "/auth/%c0%ae%c0%ae/billing",
    "an unescaped space": "/auth/a b",
    "an unescaped letter beyond ASCII": "/auth/é",
    "a fragment": "/auth/otp#x",
}

TABLE = default_table()


def route_of(path: str) -> Route:
    found = TABLE.find(path)
    assert found is not None
    return found


@pytest.mark.parametrize("path", TRICKS.values(), ids=TRICKS.keys())
def test_refuses_a_path_with(path: str) -> None:
    with pytest.raises(MalformedRequest):
        check_target(path, "")


@pytest.mark.parametrize("query", ["a b", "a\x00", "a\r\nb", "é", "a#b"])
def test_refuses_a_query_with_what_must_be_escaped(query: str) -> None:
    with pytest.raises(MalformedRequest):
        check_target("/auth/otp", query)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/auth/otp", ""),
        ("/auth/", ""),
        ("/orgs/a.b/..c/...", "x=../..//%00%2f%25"),
        ("/orgs/caf%C3%A9/%20/;v=1/@~!$&'()*+,=:", 'a[]=1&b={}|"<>'),
        ("/orgs/what%3fnot%23", "?"),
    ],
)
def test_accepts_what_means_one_thing(path: str, query: str) -> None:
    check_target(path, query)


def test_accepts_a_target_up_to_its_limit_only() -> None:
    check_target("/orgs", "q" * (TARGET_LIMIT - len("/orgs")))

    with pytest.raises(TargetTooLong):
        check_target("/orgs", "q" * TARGET_LIMIT)


@pytest.mark.parametrize(
    ("path", "prefix"),
    [
        ("/auth", "/auth"),
        ("/auth/", "/auth"),
        ("/auth/a/b", "/auth"),
        ("/auth/otp", "/auth/otp"),
        ("/auth/otp/verify", "/auth/otp/verify"),
    ],
)
def test_finds_the_route_of_a_path(path: str, prefix: str) -> None:
    assert route_of(path).prefix == prefix


@pytest.mark.parametrize(
    "path", ["", "/", "/authentic", "/Auth", "/%61uth", "/v1/auth", "/admin", "auth"]
)
def test_finds_no_route_for_a_path_of_another_name(path: str) -> None:
    assert TABLE.find(path) is None


@pytest.mark.parametrize(
    "path", ["/auth/otp", "/auth/otp/verify", "/auth/refresh", "/auth/logout"]
)
def test_signing_in_and_out_needs_no_token(path: str) -> None:
    assert route_of(path).is_public("POST", path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/auth/otp"),
        ("POST", "/auth/otp/"),
        ("POST", "/auth/%6ftp"),
        ("POST", "/auth/session"),
        ("POST", "/auth"),
    ],
)
def test_anything_else_below_auth_needs_one(method: str, path: str) -> None:
    assert not route_of(path).is_public(method, path)


@pytest.mark.parametrize(
    ("method", "path", "public"),
    [
        ("GET", "/invitations/oci_x", True),
        ("GET", "/invitations/%6f", True),
        ("POST", "/invitations/oci_x", False),
        ("GET", "/invitations", False),
        ("GET", "/invitations/", False),
        ("GET", "/invitations/oci_x/", False),
        ("POST", "/invitations/oci_x/accept", False),
        ("GET", "/invitations/oci_x/accept", False),
    ],
)
def test_a_star_stands_for_one_last_segment(
    method: str, path: str, public: bool
) -> None:
    assert route_of(path).is_public(method, path) is public


def refusal(path: str, query: str) -> str | None:
    try:
        check_target(path, query)
    except (MalformedRequest, TargetTooLong) as error:
        return str(error)
    return None


@given(
    path=st.text(alphabet='/.a-~%2eFC;:#?\\"é \x00\n', max_size=12),
    query=st.text(alphabet='a=&%#"?/ é\n', max_size=6),
)
@example(path="a/", query="")
@example(path=".a", query="b#c")
@example(path="a", query="b\n")
def test_a_plain_target_is_one_that_a_closer_look_lets_pass(
    path: str, query: str
) -> None:
    at_a_glance = refusal(f"/{path}", query)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(targets, "_PLAIN", re.compile("(?!)"))
        assert refusal(f"/{path}", query) == at_a_glance

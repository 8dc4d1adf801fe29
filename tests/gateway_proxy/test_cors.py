"""Which scripts of other origins may call the gateway, and what it says to browsers."""

from http import HTTPStatus

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from gateway_proxy.checks import check_gateway
from gateway_proxy.config import read_config
from gateway_proxy.core.cors import EXPOSED, METHODS, CrossOrigin
from gateway_proxy.core.messages import Answer, Headers

APP = "https://app.example.com"
EVIL = "https://evil.example.com"
OFF = CrossOrigin()
LISTED = CrossOrigin.of([APP, "http://localhost:3000"], credentials=False)
WITH_COOKIES = CrossOrigin.of([APP], credentials=True)
ANYBODY = CrossOrigin.of(["*"], credentials=False)
VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def question(origin: str, *, headers: str = "authorization,content-type") -> Headers:
    """Return what a browser asks before it sends a request of a script."""
    return (
        ("host", "api.example.com"),
        ("origin", origin),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", headers),
    )


def permissions(headers: Headers) -> dict[str, str]:
    """Return what an answer says about origins; nothing of it is said twice."""
    said = [pair for pair in headers if pair[0].startswith("access-control-")]
    assert len(dict(said)) == len(said)
    return {name.removeprefix("access-control-"): value for name, value in said}


@pytest.mark.parametrize(
    ("gateway", "said"),
    [
        pytest.param(LISTED, {"allow-origin": APP}, id="listed"),
        pytest.param(
            WITH_COOKIES,
            {"allow-origin": APP, "allow-credentials": "true"},
            id="with cookies",
        ),
        pytest.param(ANYBODY, {"allow-origin": "*"}, id="anybody"),
    ],
)
def test_a_browser_that_asks_is_answered_by_the_gateway(
    gateway: CrossOrigin, said: dict[str, str]
) -> None:
    answer = gateway.preflight("OPTIONS", question(APP))

    assert answer is not None
    assert (answer.status, answer.reason, answer.body) == (204, "No Content", b"")
    assert permissions(answer.headers) == {
        **said,
        "allow-methods": METHODS,
        "allow-headers": "authorization,content-type",
        "max-age": "600",
    }
    assert dict(answer.headers)["vary"] == VARY


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.test",
        "https://APP.example.com",
        "https://app.example.com/",
        f"{APP}, {APP}",
        f"{APP} {EVIL}",
        "*",
    ],
)
def test_another_origin_is_answered_and_not_let_in(origin: str) -> None:
    answer = LISTED.preflight("OPTIONS", question(origin))

    assert answer == Answer(HTTPStatus.NO_CONTENT, "No Content", (("vary", VARY),), b"")


def test_two_origins_are_none() -> None:
    twice = (("origin", APP), *question(APP))

    answer = LISTED.preflight("OPTIONS", twice)

    assert answer is not None
    assert permissions(answer.headers) == {}
    assert permissions(LISTED.decorate(twice, ())) == {}


@pytest.mark.parametrize(
    "names",
    ["", "x\r\nset-cookie: a=1", "a,,b", "a b", "(comment)", "x-ü", ",a", "a,"],
)
def test_names_that_are_no_names_are_not_repeated(names: str) -> None:
    answer = LISTED.preflight("OPTIONS", question(APP, headers=names))

    assert answer is not None
    assert "allow-headers" not in permissions(answer.headers)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        pytest.param("GET", question(APP), id="another method"),
        pytest.param("OPTIONS", question(APP)[:2], id="no method asked for"),
        pytest.param("OPTIONS", question(APP)[2:], id="no origin"),
    ],
)
def test_an_ordinary_request_is_not_answered_here(
    method: str, headers: Headers
) -> None:
    assert LISTED.preflight(method, headers) is None


def test_an_answer_says_who_may_read_it_and_which_headers() -> None:
    headers = LISTED.decorate((("origin", APP),), (("content-type", "text/plain"),))

    assert headers == (
        ("content-type", "text/plain"),
        ("access-control-allow-origin", APP),
        ("access-control-expose-headers", EXPOSED),
        ("vary", "Origin"),
    )


@pytest.mark.parametrize(
    "name", ["RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id", "ETag"]
)
def test_a_script_may_read_what_it_needs_to_behave(name: str) -> None:
    assert name in EXPOSED.split(", ")


@pytest.mark.parametrize("origin", [(), (("origin", EVIL),)])
def test_an_answer_to_others_differs_by_origin_all_the_same(origin: Headers) -> None:
    assert LISTED.decorate(origin, ()) == (("vary", "Origin"),)


def test_an_answer_for_anybody_does_not_differ_by_origin() -> None:
    assert ANYBODY.decorate((("origin", EVIL),), ()) == (
        ("access-control-allow-origin", "*"),
        ("access-control-expose-headers", EXPOSED),
    )


@pytest.mark.parametrize(
    ("upstreams", "merged"),
    [
        pytest.param(["Accept"], ["Accept, Origin"], id="one"),
        pytest.param(["Accept", "Cookie"], ["Accept, Cookie, Origin"], id="two"),
        pytest.param(["accept, ORIGIN"], ["accept, ORIGIN"], id="said already"),
        pytest.param(["*"], ["*"], id="never to be kept"),
        pytest.param([""], ["Origin"], id="empty"),
    ],
)
def test_origin_is_added_to_what_an_upstream_varies_by(
    upstreams: list[str], merged: list[str]
) -> None:
    headers = tuple(("Vary", value) for value in upstreams)

    decorated = LISTED.decorate((), headers)

    assert [value for name, value in decorated if name.lower() == "vary"] == merged


@pytest.mark.parametrize("asking", [(), (("origin", APP),), (("origin", EVIL),)])
def test_an_upstreams_own_word_is_replaced(asking: Headers) -> None:
    own = (
        ("Access-Control-Allow-Origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("Access-Control-Allow-Private-Network", "true"),
    )

    assert LISTED.decorate(asking, own) == LISTED.decorate(asking, ())


def test_without_origins_nothing_changes() -> None:
    own = (("Access-Control-Allow-Origin", "*"), ("Vary", "Accept"))

    assert OFF.preflight("OPTIONS", question(APP)) is None
    assert OFF.decorate((("origin", APP),), own) is own


@given(origin=st.text(max_size=40), own=st.lists(st.tuples(st.text(), st.text())))
def test_nobody_but_a_listed_origin_ever_reads_an_answer(
    origin: str, own: list[tuple[str, str]]
) -> None:
    decorated = LISTED.decorate((("origin", origin),), tuple(own))

    assert [
        name for name, _ in decorated if name.lower().startswith("access-control-")
    ] == []


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.com",
        "http://localhost:3000",
        "http://[::1]:3000",
        "https://xn--bcher-kva.example",
    ],
)
def test_an_origin_as_browsers_write_it_is_taken(
    settings: Settings, origin: str
) -> None:
    settings.GATEWAY_CORS_ORIGINS = [origin]

    assert read_config().cross_origin.origins == {origin}


@pytest.mark.parametrize(
    "origin",
    [
        "app.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com?a=1",
        "https://app.example.com#a",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://App.example.com",
        "HTTPS://app.example.com",
        "https://ada:secret@app.example.com",
        "https://*.example.com",
        "https://bücher.example",
        "https://",
        "https://app.example.com:port",
        "ftp://app.example.com",
        "file://",
        "null",
    ],
)
def test_an_origin_that_no_browser_writes_stops_the_start(
    settings: Settings, origin: str
) -> None:
    settings.GATEWAY_CORS_ORIGINS = [APP, origin]

    with pytest.raises(ImproperlyConfigured) as refused:
        read_config()

    assert str(refused.value) == (
        "GATEWAY_CORS_ORIGINS: use https://host[:port] as browsers write it, without"
        f" a path or a slash at its end; this is {origin!r}."
    )


@pytest.mark.parametrize(
    ("origins", "credentials", "sentence"),
    [
        (["*"], True, "'*' and credentials together would let anybody in."),
        (["*", APP], False, "'*' stands alone, or is left out."),
    ],
)
def test_anybody_and_something_else_stops_the_start(
    settings: Settings, origins: list[str], credentials: bool, sentence: str
) -> None:
    settings.GATEWAY_CORS_ORIGINS = origins
    settings.GATEWAY_CORS_CREDENTIALS = credentials

    (error,) = check_gateway(None)

    assert error.msg == f"GATEWAY_CORS_ORIGINS: {sentence}"


def test_nobody_of_elsewhere_may_call_unless_somebody_is_named() -> None:
    assert read_config().cross_origin == OFF

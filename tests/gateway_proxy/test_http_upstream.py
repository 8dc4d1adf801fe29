"""A service behind the gateway that is refused, slow, hung, cut or too large."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from socket import socket
from typing import Any, cast

import pytest
from urllib3.util.connection import create_connection

from gateway_proxy.core.breaker import Breaker, FailureRatio
from gateway_proxy.core.errors import (
    CircuitOpen,
    UpstreamFailed,
    UpstreamProblem,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway_proxy.core.messages import Answer, Body, Outgoing
from gateway_proxy.upstream import HttpUpstream
from gateway_proxy.upstream.http import WHOLE_ANSWER_LIMIT
from tests.gateway_proxy import service as services
from tests.gateway_proxy.redis_server import free_port
from tests.gateway_proxy.service import Handler, Service, serving

REQUEST = Outgoing(
    method="GET",
    path="/v1/billing/payments",
    query="",
    headers=(("Accept", "*/*"),),
    body=b"",
    scheme="http",
    host="api.example.com",
    peer="127.0.0.1",
)
READ_TIMEOUT = 0.3


@pytest.fixture
def upstream(service: Service) -> Iterator[HttpUpstream]:
    upstream = HttpUpstream(service.url, read_timeout=READ_TIMEOUT)
    yield upstream
    upstream.close()


def body_of(answer: Answer) -> bytes:
    assert not isinstance(answer.body, bytes)
    try:
        return b"".join(cast("Body", answer.body))
    finally:
        cast("Body", answer.body).close()


def test_brings_the_answer_as_it_is(upstream: HttpUpstream, service: Service) -> None:
    service.status = 418
    service.headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]

    answer = upstream.send(REQUEST)

    assert answer.status == 418
    assert answer.reason == "I'm a Teapot"
    assert [value for name, value in answer.headers if name == "set-cookie"] == [
        "a=1",
        "b=2",
    ]
    assert body_of(answer) == b'{"fine": true}'


@pytest.mark.parametrize(
    "target",
    [
        "/v1/billing/caf%c3%a9/%2a;v=1/@~!$&'()*+,=:",
        '/v1/billing?a[]=1&b={}|"<>&c=%2f%2F&d=../..',
        "/v1/billing/",
    ],
)
def test_sends_the_target_byte_for_byte(
    upstream: HttpUpstream, service: Service, target: str
) -> None:
    path, _, query = target.partition("?")

    body_of(upstream.send(replace(REQUEST, path=path, query=query)))

    assert service.received[0].target == target


def test_sends_the_headers_it_was_given_with_the_services_own_host(
    upstream: HttpUpstream, service: Service
) -> None:
    body_of(upstream.send(REQUEST))

    assert service.received[0].headers == [("Host", service.host), ("Accept", "*/*")]


def test_sends_a_body_with_its_length(upstream: HttpUpstream, service: Service) -> None:
    body_of(upstream.send(replace(REQUEST, method="POST", body=b'{"a": 1}')))

    assert service.received[0].values("Content-Length") == ["8"]
    assert service.received[0].body == b'{"a": 1}'


def test_puts_a_base_path_before_the_target(service: Service) -> None:
    upstream = HttpUpstream(f"{service.url}/base/")

    body_of(upstream.send(REQUEST))

    assert service.received[0].target == "/base/v1/billing/payments"
    assert upstream.origin(REQUEST) == f"{service.host}/base"
    upstream.close()


def test_follows_no_redirect(upstream: HttpUpstream, service: Service) -> None:
    service.status = 307
    service.headers = [("Location", f"{service.url}/v1/billing/other")]

    answer = upstream.send(REQUEST)

    assert answer.status == 307
    assert len(service.received) == 1
    body_of(answer)


def test_unpacks_nothing(upstream: HttpUpstream, service: Service) -> None:
    service.headers = [("Content-Encoding", "gzip")]
    service.body = b"not really gzip"

    assert body_of(upstream.send(REQUEST)) == b"not really gzip"


def test_the_answer_to_head_has_a_length_without_a_body(
    upstream: HttpUpstream, service: Service
) -> None:
    answer = upstream.send(replace(REQUEST, method="HEAD"))

    assert ("content-length", str(len(service.body))) in answer.headers
    assert body_of(answer) == b""


@pytest.mark.parametrize("more", [0, 1], ids=["whole", "streamed"])
def test_brings_large_answers(
    upstream: HttpUpstream, service: Service, more: int
) -> None:
    service.body = bytes(range(256)) * (WHOLE_ANSWER_LIMIT // 256) + b"x" * more

    assert body_of(upstream.send(REQUEST)) == service.body


def test_passes_a_stream_on_before_it_has_ended(
    service: Service,
) -> None:
    upstream = HttpUpstream(service.url)
    service.misbehave = services.stream_in_steps

    answer = upstream.send(REQUEST)
    assert not isinstance(answer.body, bytes)
    chunks = iter(cast("Body", answer.body))

    assert next(chunks) == b"first"
    service.released.set()
    assert list(chunks) == [b"second"]
    upstream.close()


@pytest.mark.parametrize(
    ("fault", "problem", "retryable"),
    [
        (services.cut_before_the_answer, UpstreamFailed, "same_idempotency_key"),
        (services.cut_within_the_answer, UpstreamFailed, "same_idempotency_key"),
        (services.talk_no_http, UpstreamFailed, "same_idempotency_key"),
        (services.promise_too_much, UpstreamFailed, "same_idempotency_key"),
        (services.hang_before_the_answer, UpstreamTimeout, "same_idempotency_key"),
        (services.hang_within_the_answer, UpstreamTimeout, "same_idempotency_key"),
    ],
)
def test_a_fault_after_sending_is_named_and_never_repeated(
    upstream: HttpUpstream,
    service: Service,
    fault: Callable[[Handler], None],
    problem: type[UpstreamProblem],
    retryable: str,
) -> None:
    service.misbehave = fault

    with pytest.raises(problem) as caught:
        upstream.send(REQUEST)

    assert caught.value.retryable == retryable
    assert problem.base_wait <= int(caught.value.headers["Retry-After"])
    assert len(service.received) == 1


def test_a_refused_connection_is_named_as_nothing_sent() -> None:
    upstream = HttpUpstream(f"http://127.0.0.1:{free_port()}")

    with pytest.raises(UpstreamUnavailable) as caught:
        upstream.send(REQUEST)

    assert caught.value.retryable == "yes"
    assert caught.value.headers["Retry-After"] in {"1", "2"}
    upstream.close()


def test_a_refused_connection_is_tried_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attempts = []

    def counted(*args: Any, **kwargs: Any) -> socket:
        attempts.append(args)
        return create_connection(*args, **kwargs)

    monkeypatch.setattr("urllib3.util.connection.create_connection", counted)
    upstream = HttpUpstream(f"http://127.0.0.1:{free_port()}")

    with pytest.raises(UpstreamUnavailable):
        upstream.send(replace(REQUEST, method="POST"))

    assert len(attempts) == 2
    upstream.close()


def test_an_unknown_host_is_named_as_nothing_sent() -> None:
    upstream = HttpUpstream("http://nobody.invalid")

    with pytest.raises(UpstreamUnavailable):
        upstream.send(REQUEST)

    upstream.close()


def test_a_stream_that_is_cut_ends_in_an_error_not_in_a_shorter_body(
    upstream: HttpUpstream, service: Service
) -> None:
    service.misbehave = services.cut_within_a_stream

    answer = upstream.send(REQUEST)

    with pytest.raises(UpstreamFailed):
        body_of(answer)


def test_a_connection_with_an_unread_rest_serves_nobody_else(
    upstream: HttpUpstream, service: Service
) -> None:
    service.body = b"x" * (WHOLE_ANSWER_LIMIT * 4)
    abandoned = upstream.send(REQUEST)
    assert not isinstance(abandoned.body, bytes)
    cast("Body", abandoned.body).close()
    service.body = b"short"

    assert body_of(upstream.send(REQUEST)) == b"short"


def test_a_connection_that_the_service_closed_is_not_used_again(
    upstream: HttpUpstream, service: Service
) -> None:
    service.headers = [("Connection", "close")]
    body_of(upstream.send(REQUEST))

    assert body_of(upstream.send(REQUEST)) == service.body


def test_after_many_failures_the_service_is_left_alone_until_it_is_well(
    service: Service,
) -> None:
    now = [0.0]
    breaker = Breaker(
        FailureRatio(window=10.0, minimum=20, ratio=0.5),
        open_for=5.0,
        clock=lambda: now[0],
    )
    upstream = HttpUpstream(service.url, breaker=breaker)
    service.misbehave = services.cut_before_the_answer
    for _ in range(20):
        with pytest.raises(UpstreamFailed):
            upstream.send(REQUEST)

    now[0] += 1.5
    with pytest.raises(CircuitOpen) as caught:
        upstream.send(REQUEST)

    assert caught.value.headers == {"Retry-After": "4"}
    assert len(service.received) == 20
    service.misbehave = None
    now[0] += 3.5
    assert body_of(upstream.send(REQUEST)) == service.body
    assert body_of(upstream.send(REQUEST)) == service.body
    upstream.close()


def test_an_error_that_the_service_states_itself_is_an_answer(
    upstream: HttpUpstream, service: Service
) -> None:
    service.status = 503

    statuses = {upstream.send(REQUEST).status for _ in range(25)}

    assert statuses == {503}


def test_a_service_that_came_back_is_found() -> None:
    port = free_port()
    upstream = HttpUpstream(f"http://127.0.0.1:{port}")
    with pytest.raises(UpstreamUnavailable):
        upstream.send(REQUEST)

    with serving(port) as service:
        assert body_of(upstream.send(REQUEST)) == service.body

    upstream.close()


def test_a_service_that_dribbles_is_given_up_in_time(
    upstream: HttpUpstream, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_proxy.upstream.http.WHOLE_ANSWER_TIMEOUT", 0.5)
    service.misbehave = services.dribble
    began = time.monotonic()

    with pytest.raises(UpstreamTimeout):
        upstream.send(REQUEST)

    assert time.monotonic() - began < 5

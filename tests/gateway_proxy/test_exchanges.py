"""What every kind of exchange promises, against a real service on a real socket."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer
from typing import cast

import pytest

from gateway_proxy.core.answers import HEADER_COUNT, WHOLE_LIMIT
from gateway_proxy.core.errors import (
    UpstreamFailed,
    UpstreamProblem,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway_proxy.core.messages import AsyncBody
from gateway_proxy.core.table import Timeouts
from gateway_proxy.streaming.http import HttpExchange
from opencore.errors import BodyTooLarge
from tests.gateway_proxy import service as services
from tests.gateway_proxy.exchanges import GET, KINDS, Client, Upload, read
from tests.gateway_proxy.service import Handler, Service, serving, serving_on_socket
from tests.ports import free_port

HASTY = replace(GET, timeouts=Timeouts(connect=0.2, head=0.3, whole=0.5))
POST = replace(GET, method="POST")
LARGE = b"x" * (WHOLE_LIMIT + 1)
Opened = Callable[[str], Client]


@pytest.fixture(params=list(KINDS))
def client_of(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Open a client of this kind at an address."""
    opened: list[Client] = []

    def open_client(address: str) -> Client:
        opened.append(KINDS[request.param](address))
        return opened[-1]

    yield open_client
    for client in opened:
        client.close()


@pytest.fixture
def client(client_of: Opened, service: Service) -> Client:
    return client_of(service.url)


def test_brings_the_answer_as_it_is(client: Client, service: Service) -> None:
    service.status = 418
    service.headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Name", "\xe9")]

    answer = client.send(GET)

    assert answer.status == 418
    assert answer.reason == "I'm a Teapot"
    assert answer.headers[2:] == (
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-name", "\xe9"),
        ("content-length", str(len(service.body))),
    )
    assert answer.body == b'{"fine": true}'


@pytest.mark.parametrize(
    "target",
    [
        "/v1/billing/caf%c3%a9/%2a;v=1/@~!$&'()*+,=:",
        "/v1/billing/{x}|^`/%7e",
        '/v1/billing?a[]=1&b={}|"<>&c=%2f%2F&d=../..&e=+%20',
        "/v1/billing?a=http://elsewhere/?b",
        "/v1/billing/",
    ],
)
def test_sends_the_target_byte_for_byte(
    client: Client, service: Service, target: str
) -> None:
    path, _, query = target.partition("?")

    client.send(replace(GET, path=path, query=query))

    assert service.received[0].target == target


def test_sends_the_headers_it_was_given_with_the_services_own_host(
    client: Client, service: Service
) -> None:
    headers = (("accept", "*/*"), ("x-a", "1"), ("x-a", "2"), ("x-name", "\xe9"))

    client.send(replace(GET, headers=headers))

    assert service.received[0].headers == [("Host", service.host), *headers]


def test_knows_no_proxy_of_the_environment(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")

    assert client.send(GET).status == 200


def test_sends_a_body_with_its_length(client: Client, service: Service) -> None:
    client.send(replace(POST, body=b'{"a": 1}'))

    (received,) = service.received
    assert received.body == b'{"a": 1}'
    assert sorted(received.headers) == [
        ("Content-Length", "8"),
        ("Host", service.host),
        ("accept", "*/*"),
    ]


def test_sends_the_length_of_no_body_with_a_post_only(
    client: Client, service: Service
) -> None:
    client.send(POST)
    client.send(GET)

    lengths = [received.values("content-length") for received in service.received]
    assert lengths == [["0"], []]


def test_puts_a_base_path_before_the_target(
    client_of: Opened, service: Service
) -> None:
    client = client_of(f"{service.url}/base/")

    client.send(GET)

    assert service.received[0].target == "/base/v1/billing/payments"
    assert client.exchange.origin(GET) == f"{service.host}/base"


@pytest.mark.parametrize(("suffix", "base"), [("", ""), (":/base/", "/base")])
def test_speaks_through_a_socket_of_the_file_system(
    client_of: Opened, tmp_path: Path, suffix: str, base: str
) -> None:
    with serving_on_socket(tmp_path / "s") as service:
        client = client_of(service.url + suffix)

        answer = client.send(GET)

        assert answer.body == service.body
        assert service.received[0].target == f"{base}/v1/billing/payments"
        assert service.received[0].values("host") == ["localhost"]
        assert client.exchange.origin(GET) == f"localhost{base}"


def test_follows_no_redirect(client: Client, service: Service) -> None:
    service.status = 307
    service.headers = [("Location", f"{service.url}/v1/billing/other")]

    assert client.send(GET).status == 307

    assert len(service.received) == 1


def test_remembers_no_cookie(client: Client, service: Service) -> None:
    service.headers = [("Set-Cookie", "a=1; Path=/")]

    client.send(GET)
    client.send(GET)

    assert service.received[1].values("cookie") == []


def test_unpacks_nothing(client: Client, service: Service) -> None:
    service.headers = [("Content-Encoding", "gzip")]
    service.body = b"not really gzip"

    assert client.send(GET).body == b"not really gzip"


def test_the_answer_to_head_has_a_length_without_a_body(
    client: Client, service: Service
) -> None:
    service.body = LARGE

    answer = client.send(replace(GET, method="HEAD"))

    assert ("content-length", str(len(LARGE))) in answer.headers
    assert read(client, answer) == b""
    assert client.send(replace(GET, method="HEAD")).status == 200


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_ends_with_its_head(
    client: Client, service: Service, status: int
) -> None:
    service.misbehave = services.saying_and_staying(
        f"HTTP/1.1 {status} Nothing\r\nX-A: 1\r\n\r\n".encode()
    )

    answers = [client.send(GET) for _ in range(2)]

    assert [read(client, answer) for answer in answers] == [b"", b""]
    assert {answer.status for answer in answers} == {status}


@pytest.mark.parametrize("more", [0, 1], ids=["whole", "streamed"])
def test_brings_large_answers(client: Client, service: Service, more: int) -> None:
    service.body = bytes(range(256)) * (WHOLE_LIMIT // 256) + b"x" * more

    assert read(client, client.send(GET)) == service.body


def test_passes_a_stream_on_before_it_has_ended(
    client: Client, service: Service
) -> None:
    service.misbehave = services.stream_in_steps

    chunks = client.chunks(client.send(GET))

    assert next(chunks) == b"first"
    service.released.set()
    assert list(chunks) == [b"second"]


def test_passes_an_event_on_before_the_next(client: Client, service: Service) -> None:
    service.misbehave = services.stream_until_closed

    chunks = client.chunks(client.send(GET))

    assert next(chunks) == b"data: 1\n\n"
    service.released.set()
    assert list(chunks) == [b"data: 2\n\n"]


def test_a_stream_that_nobody_reads_stops_at_the_service(
    client: Client, service: Service
) -> None:
    service.misbehave = services.stream_without_end

    answer = client.send(GET)

    assert service.stalled.wait(30)
    assert service.sent < 16 * 1024 * 1024
    client.leave(answer)


def test_closing_an_unfinished_stream_ends_its_connection(
    client: Client, service: Service
) -> None:
    service.misbehave = services.stream_without_end
    answer = client.send(GET)
    chunks = client.chunks(answer)
    next(chunks)

    client.leave(answer)
    client.settle()

    assert service.left.wait(30)


def head_of(*lines: str, body: str = "") -> bytes:
    return ("\r\n".join(["HTTP/1.1 200 OK", *lines]) + f"\r\n\r\n{body}").encode()


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (services.cut_before_the_answer, UpstreamFailed),
        (services.cut_within_the_answer, UpstreamFailed),
        (services.talk_no_http, UpstreamFailed),
        (services.promise_too_much, UpstreamFailed),
        (services.hang_before_the_answer, UpstreamTimeout),
        (services.hang_within_the_answer, UpstreamTimeout),
        (services.dribble, UpstreamTimeout),
    ],
)
def test_a_fault_after_sending_is_named_and_never_repeated(
    client: Client,
    service: Service,
    fault: Callable[[Handler], None],
    problem: type[UpstreamProblem],
) -> None:
    service.misbehave = fault

    with pytest.raises(problem) as caught:
        client.send(HASTY)

    assert caught.value.retryable == "same_idempotency_key"
    assert problem.base_wait <= int(caught.value.headers["Retry-After"])
    assert len(service.received) == 1


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(
            head_of("Content-Length: 2", "Content-Length: 3", body="abc"),
            id="two lengths",
        ),
        pytest.param(
            head_of("Content-Length: 2", "Content-Length: 2", body="ab"),
            id="one length twice",
        ),
        pytest.param(head_of("Content-Length: +2", body="ab"), id="a signed length"),
        pytest.param(
            head_of(
                "Content-Length: 2", "Transfer-Encoding: chunked", body="0\r\n\r\n"
            ),
            id="two framings",
        ),
        pytest.param(
            head_of("Transfer-Encoding: chunked", body="zz\r\nab\r\n0\r\n\r\n"),
            id="a chunk of no size",
        ),
        pytest.param(
            head_of("X-A: 1\r\n b", "Content-Length: 0"), id="a folded header"
        ),
        pytest.param(head_of("X-A: 1\r\nX B: 2", "Content-Length: 0"), id="a bad name"),
        pytest.param(head_of("X-A: 1\0", "Content-Length: 0"), id="a null"),
        pytest.param(head_of(f"X-A: {'a' * 70_000}"), id="a long header"),
        pytest.param(
            head_of(*[f"X-{n}: a" for n in range(HEADER_COUNT + 1)]), id="many headers"
        ),
        pytest.param(
            head_of(*[f"X-{n}: {'a' * 7000}" for n in range(10)]), id="a long head"
        ),
        pytest.param(b"HTTP/1.1 99 Low\r\n\r\n", id="a low status"),
        pytest.param(b"HTTP/1.1 600 High\r\n\r\n", id="a high status"),
        pytest.param(b"HTTP/1.1 101 Switch\r\n\r\n", id="another protocol"),
    ],
)
def test_an_answer_that_is_none_is_a_failure(
    client: Client, service: Service, raw: bytes
) -> None:
    service.misbehave = services.saying(raw)

    with pytest.raises(UpstreamFailed):
        read(client, client.send(GET))

    service.misbehave = None
    assert client.send(GET).body == service.body


def test_a_refused_connection_is_named_as_nothing_sent(client_of: Opened) -> None:
    client = client_of(f"http://127.0.0.1:{free_port()}")

    with pytest.raises(UpstreamUnavailable) as caught:
        client.send(GET)

    assert caught.value.retryable == "yes"
    assert caught.value.headers["Retry-After"] in {"1", "2"}


@pytest.mark.parametrize("address", ["http://nobody.invalid", "unix:/no/such/socket"])
def test_an_unknown_host_is_named_as_nothing_sent(
    client_of: Opened, address: str
) -> None:
    with pytest.raises(UpstreamUnavailable):
        client_of(address).send(GET)


def test_a_host_that_takes_no_connection_is_named_as_nothing_sent(
    client_of: Opened,
) -> None:
    with closing(socket.socket()) as full, closing(socket.socket()) as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting.connect(full.getsockname())
        client = client_of(f"http://127.0.0.1:{full.getsockname()[1]}")

        with pytest.raises(UpstreamUnavailable):
            client.send(HASTY)


def test_a_host_that_speaks_no_tls_is_named_as_nothing_sent(
    client_of: Opened, service: Service
) -> None:
    client = client_of(service.url.replace("http:", "https:"))

    with pytest.raises(UpstreamUnavailable):
        client.send(GET)


def test_a_service_that_came_back_is_found(client_of: Opened) -> None:
    port = free_port()
    client = client_of(f"http://127.0.0.1:{port}")
    with pytest.raises(UpstreamUnavailable):
        client.send(GET)

    with serving(port) as service:
        assert client.send(GET).body == service.body


@pytest.mark.parametrize(
    "fault", [services.cut_within_a_stream, services.cut_within_a_large_answer]
)
def test_a_stream_that_is_cut_ends_in_an_error_not_in_a_shorter_body(
    client: Client, service: Service, fault: Callable[[Handler], None]
) -> None:
    service.misbehave = fault

    answer = client.send(GET)

    with pytest.raises(UpstreamFailed):
        read(client, answer)


def test_a_stream_that_falls_silent_ends_in_time(
    client: Client, service: Service
) -> None:
    service.misbehave = services.stream_in_steps

    chunks = client.chunks(client.send(HASTY))

    assert next(chunks) == b"first"
    with pytest.raises(UpstreamTimeout):
        next(chunks)


def test_a_stream_may_be_silent_for_longer_than_an_answer_may_take_to_begin(
    client: Client, service: Service
) -> None:
    service.misbehave = services.stream_in_steps
    Timer(HASTY.timeouts.head * 1.5, service.released.set).start()

    answer = client.send(replace(HASTY, timeouts=Timeouts(head=0.3, whole=10.0)))

    assert read(client, answer) == b"firstsecond"


def test_a_stream_without_end_is_cut_where_no_answer_may_be_larger(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_proxy.core.answers.ANSWER_LIMIT", 1024 * 1024)
    service.misbehave = services.stream_without_end

    answer = client.send(GET)

    with pytest.raises(UpstreamFailed):
        read(client, answer)


def test_events_may_go_on_beyond_what_an_answer_may_be(
    client: Client, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_proxy.core.answers.ANSWER_LIMIT", 10)
    service.misbehave = services.stream_until_closed
    service.released.set()

    assert read(client, client.send(GET)) == b"data: 1\n\ndata: 2\n\n"


def test_a_connection_with_an_unread_rest_serves_nobody_else(
    client: Client, service: Service
) -> None:
    service.body = LARGE * 4
    client.leave(client.send(GET))
    service.body = b"short"

    assert client.send(GET).body == b"short"


def test_a_connection_is_used_again(client: Client, service: Service) -> None:
    service.body = b"short"

    assert [client.send(GET).body for _ in range(3)] == [b"short"] * 3

    assert len({received.connection for received in service.received}) == 1


@pytest.mark.parametrize(
    "fault",
    [services.answer_and_say_so_that_it_leaves, services.answer_and_leave_silently],
)
def test_a_connection_that_the_service_closed_is_not_used_again(
    client: Client, service: Service, fault: Callable[[Handler], None]
) -> None:
    service.misbehave = fault
    client.send(GET)
    assert service.left.wait(30)
    client.settle()

    assert client.send(POST).body == b"ok"


def test_what_comes_unasked_is_nobodys_answer(client: Client, service: Service) -> None:
    service.misbehave = services.say_more_than_was_asked
    assert client.send(GET).body == b"ok"
    service.released.set()
    assert service.stalled.wait(30)
    client.settle()
    service.misbehave = None

    assert client.send(GET).body == service.body

    first, second = service.received
    assert first.connection is not second.connection


def test_what_comes_with_an_answer_is_nobodys_answer(
    client: Client, service: Service
) -> None:
    other = head_of("Content-Length: 5", body="other")
    service.misbehave = services.saying_and_staying(
        head_of("Content-Length: 2", body="ok") + other
    )
    with suppress(UpstreamFailed):
        client.send(GET)
    client.settle()
    service.misbehave = None

    assert client.send(GET).body == service.body


def test_a_kept_connection_that_dies_after_the_request_is_a_failure_not_a_repetition(
    client: Client, service: Service
) -> None:
    client.send(GET)
    service.misbehave = services.cut_before_the_answer

    with pytest.raises(UpstreamFailed):
        client.send(GET)

    assert len(service.received) == 2


@pytest.mark.parametrize("length", [None, 11])
def test_sends_an_upload_while_it_comes(
    client: Client, service: Service, length: int | None
) -> None:
    upload = Upload([b"first", b"second"], length, after_first=service.arrived)

    answer = client.send(replace(POST, body=upload))

    assert answer.body == service.body
    assert service.received[0].body == b"firstsecond"
    assert service.received[0].values("content-length") == (
        [] if length is None else ["11"]
    )
    assert service.received[0].values("transfer-encoding") == (
        ["chunked"] if length is None else []
    )


def test_a_client_that_sends_slowly_does_not_use_up_the_services_time(
    client: Client, service: Service
) -> None:
    late = Event()
    Timer(HASTY.timeouts.whole * 1.5, late.set).start()
    upload = Upload([b"first", b"second"], after_first=late)

    answer = client.send(replace(HASTY, method="POST", body=upload))

    assert answer.body == service.body


def test_a_refusal_of_the_upload_is_told_as_it_is(
    client: Client, service: Service
) -> None:
    upload = Upload([b"first"], refusal=BodyTooLarge())

    with pytest.raises(BodyTooLarge):
        client.send(replace(POST, body=upload))

    assert client.send(GET).body == service.body


def test_of_an_upload_nothing_is_read_when_nothing_was_sent(client_of: Opened) -> None:
    client = client_of(f"http://127.0.0.1:{free_port()}")
    upload = Upload([b"first"])

    with pytest.raises(UpstreamUnavailable):
        client.send(replace(POST, body=upload))

    assert upload.given == 0


def test_an_answer_before_the_end_of_an_upload_is_an_answer(
    client: Client, service: Service
) -> None:
    service.interrupt = services.refuse_before_the_body
    upload = Upload([b"x" * 65536] * 64, after_first=service.left)

    assert client.send(replace(POST, body=upload)).status == 413

    service.interrupt = None
    assert client.send(GET).status == 413


def test_a_service_may_take_longer_for_an_upload_than_for_a_connection(
    client: Client, service: Service
) -> None:
    service.interrupt = services.read_late
    Timer(HASTY.timeouts.connect * 1.5, service.released.set).start()
    upload = Upload([b"x" * 65536] * 128)
    patient = Timeouts(connect=HASTY.timeouts.connect, head=10.0)

    answer = client.send(replace(POST, body=upload, timeouts=patient))

    assert answer.status == 200


def test_a_service_that_takes_no_more_of_an_upload_is_late(
    client: Client, service: Service
) -> None:
    service.interrupt = services.hang_before_the_answer
    upload = Upload([b"x" * 65536] * 512)

    with pytest.raises(UpstreamTimeout):
        client.send(replace(HASTY, method="POST", body=upload))


def test_a_client_that_leaves_ends_the_exchange_with_the_service(
    service: Service,
) -> None:
    service.misbehave = services.wait_for_the_client_to_leave

    async def ask_and_leave() -> None:
        exchange = HttpExchange(service.url)
        patient = replace(GET, timeouts=Timeouts(head=60.0, whole=60.0))
        asked = asyncio.ensure_future(exchange.send(patient))
        await asyncio.to_thread(service.arrived.wait, 30)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await asyncio.to_thread(service.left.wait, 30)
        await exchange.close()

    asyncio.run(ask_and_leave())

    assert service.left.is_set()


def test_a_connection_whose_upload_was_not_finished_serves_nobody_else(
    service: Service,
) -> None:
    service.interrupt = services.answer_before_the_body
    rest = Event()
    upload = Upload([b"first", b"second"], after_first=rest)

    async def ask_twice() -> list[object]:
        exchange = HttpExchange(service.url)
        first = await exchange.send(replace(POST, body=upload))
        service.interrupt = None
        second = await exchange.send(GET)
        await exchange.close()
        return [first.body, second.body]

    with asyncio.Runner() as runner:
        answered = runner.run(ask_twice())
        rest.set()

    assert answered == [b"ok", service.body]


def test_a_stream_that_its_client_does_not_read_for_long_is_still_there(
    service: Service,
) -> None:
    service.misbehave = services.stream_in_steps
    late = Event()
    Timer(HASTY.timeouts.head * 1.5, late.set).start()

    async def read_late() -> bytes:
        exchange = HttpExchange(service.url)
        answer = await exchange.send(HASTY)
        assert await asyncio.to_thread(late.wait, 30)
        service.released.set()
        body = b"".join([chunk async for chunk in cast("AsyncBody", answer.body)])
        await exchange.close()
        return body

    assert asyncio.run(read_late()) == b"firstsecond"


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_proxy.streaming.http.KEPT_FOR", 0.0)

    async def ask_twice() -> None:
        exchange = HttpExchange(service.url)
        await exchange.send(GET)
        await exchange.send(GET)
        await exchange.close()

    asyncio.run(ask_twice())

    first, second = service.received
    assert first.connection is not second.connection

"""Raw bytes to each server: nothing unclear passes, and nothing passes as two."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.gateway_proxy import raw_requests as raw
from tests.gateway_proxy.conftest import bearer_of
from tests.gateway_proxy.redis_server import RedisServer
from tests.gateway_proxy.servers import SERVERS, all_servers
from tests.gateway_proxy.service import (
    Service,
    cut_within_a_stream,
    serving,
    stream_until_closed,
)
from tests.ports import free_port

pytestmark = pytest.mark.parametrize("server", SERVERS)
BEGIN = re.compile(rb"HTTP/1\.[01] \d{3} [A-Za-z -]+\r\n")
LARGE = 1024 * 1024
# What is asked for in the path of a first and a second request on one connection.
FIRST, SECOND = "/billing/first", "/billing/second"


@dataclass(frozen=True)
class Gateways:
    """Where each server is, and the one service behind them all."""

    ports: dict[str, int]
    service: Service


@pytest.fixture(scope="module")
def _running(_kept_redis: RedisServer) -> Iterator[Gateways]:
    with serving(free_port()) as service:
        environment = {
            "REDIS_URL": _kept_redis.url,
            "GATEWAY_UPSTREAMS": f"billing={service.url}",
            "GATEWAY_RATE": "1000",
            "GATEWAY_BURST": "1000",
            "TRUSTED_PROXIES": "",
        }
        with all_servers(environment) as ports:
            yield Gateways(ports, service)


@pytest.fixture(scope="module")
def stalled(_running: Gateways) -> Iterator[dict[str, socket.socket]]:
    """Connections on which nobody speaks any more, begun together to wait once."""
    authorization = bearer_of(uuid4())["Authorization"]
    with ExitStack() as stack:
        lines = {}
        for server, port in _running.ports.items():
            for kind, request in raw.STALLED.items():
                connected = Client(port, authorization).connected(request)
                lines[f"{server}: {kind}"] = stack.enter_context(connected)
        yield lines


@pytest.fixture
def service(_running: Gateways) -> Service:
    """The service behind the gateway, as it was in the beginning."""
    _running.service.begun.clear()
    _running.service.received.clear()
    _running.service.misbehave = None
    return _running.service


class Client:
    """Sends bytes to a server, and reads until it hangs up."""

    def __init__(self, port: int, authorization: str) -> None:
        self._port = port
        self._authorization = authorization

    def ask(self, request: str) -> list["Answer"]:
        """Return all answers that come before the server closes the connection."""
        with self.connected(request) as line:
            return answers_in(b"".join(iter(partial(line.recv, 65536), b"")))

    def ask_once(self, request: str) -> "Answer":
        """Return the first answer, whether or not the server then hangs up."""
        with self.connected(request) as line:
            answer = HTTPResponse(line)
            answer.begin()
            head = f"{answer.status} {answer.reason}\r\n{answer.headers}".lower()
            return Answer(answer.status, head, answer.read())

    def ask_too_much(self, request: str) -> list["Answer"]:
        """Return the answers, if any; a server may hang up before it has read all."""
        try:
            return self.ask(request)
        except (ConnectionResetError, BrokenPipeError):
            return []

    @contextmanager
    def connected(self, request: str) -> Iterator[socket.socket]:
        told = request.replace("{bearer}", self._authorization).encode("latin-1")
        with socket.create_connection(("127.0.0.1", self._port), timeout=30) as line:
            line.sendall(told)
            yield line


@dataclass(frozen=True)
class Answer:
    """One answer, as it came over the wire."""

    status: int
    head: str
    body: bytes

    @property
    def problem(self) -> Any:  # noqa: ANN401 -- JSON is any shape
        """The problem that it is."""
        assert "content-type: application/problem+json" in self.head
        return json.loads(self.body)


def answers_in(received: bytes) -> list[Answer]:
    """Return the answers in what was received."""
    begins = [found.start() for found in BEGIN.finditer(received)]
    return [
        answer_of(received[begin:end])
        for begin, end in pairwise([*begins, len(received)])
    ]


def answer_of(received: bytes) -> Answer:
    """Return one answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ")[1]), head.decode("latin-1").lower(), body)


@pytest.fixture
def client(_running: Gateways, server: str, bearer: dict[str, str]) -> Client:
    """Ada, who speaks to one of the servers."""
    return Client(_running.ports[server], bearer["Authorization"])


@pytest.mark.parametrize("request_", raw.FRAMES.values(), ids=raw.FRAMES)
def test_a_request_that_could_be_two_is_refused_and_the_connection_closed(
    client: Client, service: Service, request_: str
) -> None:
    (answer,) = client.ask(request_)

    assert answer.status in {400, 405, 501}
    assert service.received == []


@pytest.mark.parametrize("target", raw.PATHS)
def test_a_path_that_could_be_two_is_refused(
    client: Client, service: Service, target: str
) -> None:
    (answer,) = client.ask(raw.get(target=target))

    assert answer.problem["code"] == "malformed_request"
    assert service.received == []


@pytest.mark.parametrize("target", raw.OTHER_PATHS)
def test_a_path_of_another_name_is_not_forwarded(
    client: Client, service: Service, target: str
) -> None:
    (answer,) = client.ask(raw.get(target=target))

    assert answer.status in {400, 404}
    assert service.received == []


@pytest.mark.parametrize("request_", raw.HOSTS.values(), ids=raw.HOSTS)
def test_a_request_that_is_not_for_one_path_of_one_host_is_refused(
    client: Client, service: Service, request_: str
) -> None:
    (answer,) = client.ask(request_)

    assert answer.status in {400, 404, 405}
    assert service.received == []


@pytest.mark.parametrize("header", raw.NAMES)
def test_a_name_with_an_underscore_is_refused(
    client: Client, service: Service, header: str
) -> None:
    (answer,) = client.ask(raw.get(header))

    assert answer.status == 400
    assert service.received == []


@pytest.mark.parametrize("headers", raw.CLAIMS)
def test_no_header_makes_somebody_else_of_a_person(
    client: Client, service: Service, ada: UUID, headers: str
) -> None:
    (answer,) = client.ask(raw.get(headers))

    (received,) = service.received
    assert answer.status == 200
    assert received.values("X-User-Id") == [str(ada)]
    assert received.values("X-Forwarded-For") == ["127.0.0.1"]
    assert received.values("X-Forwarded-Host") == ["localhost"]
    assert received.values("X-Forwarded-Proto") == ["http"]
    names = {name.lower() for name, _ in received.headers}
    assert names.isdisjoint(
        {"forwarded", "x-real-ip", "x-original-url", "x-rewrite-url", "te", "upgrade"}
    )


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (raw.post("Content-Length: 3", "Connection: close", body="abc"), b"abc"),
        (raw.get(f"Content-Length: {len('GET / x')}") + "GET / x", b"GET / x"),
        (
            raw.head(
                "POST /billing HTTP/1.1",
                "Transfer-Encoding: chunked",
                "Connection: close",
            )
            + "3;note=x\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            b"abcde",
        ),
        (
            raw.head("POST /billing HTTP/1.1", "Connection: close"),
            b"",
        ),
        (raw.head("POST /billing HTTP/1.0", "Content-Length: 3") + "abc", b"abc"),
    ],
    ids=["a length", "a body of GET", "chunks", "no body", "HTTP/1.0"],
)
def test_one_request_arrives_as_one(
    client: Client, service: Service, request_: str, body: bytes
) -> None:
    (answer,) = client.ask(request_)

    (received,) = service.received
    assert answer.status == 200
    assert received.body == body
    assert received.values("Transfer-Encoding") == []


def test_a_target_passes_byte_for_byte(client: Client, service: Service) -> None:
    target = "/billing/caf%c3%a9/%2a;v=1?a[]=1&b=%2f%2F&c={}"

    (answer,) = client.ask(raw.get(target=target))

    assert (answer.status, answer.body) == (200, service.body)
    assert service.received[0].target == f"/v1{target}"


def test_two_requests_sent_at_once_are_answered_one_after_the_other(
    client: Client, service: Service
) -> None:
    first = raw.head(f"GET {FIRST} HTTP/1.1")

    answers = client.ask(first + raw.get(target=SECOND))

    assert [answer.status for answer in answers] == [200, 200]
    assert [one.target for one in service.received] == [f"/v1{FIRST}", f"/v1{SECOND}"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (raw.get(f"X-Note: {'x' * 40_000}"), 431),
        (raw.get(*(f"X-Note-{n}: x" for n in range(150))), 431),
        (raw.get(*(f"X-Note-{n}: {'x' * 6000}" for n in range(6))), 431),
        (raw.get(target=f"/billing/{'x' * 9000}"), 414),
        (raw.get(target=f"/billing?{'x' * 9000}"), 414),
        (raw.post(f"Content-Length: {LARGE + 1}", "Connection: close"), 413),
        (
            raw.head(
                "POST /billing HTTP/1.1",
                "Transfer-Encoding: chunked",
                "Connection: close",
            )
            + f"{LARGE + 1:x}\r\n{'x' * (LARGE + 1)}\r\n0\r\n\r\n",
            413,
        ),
    ],
    ids=[
        "a header",
        "headers by number",
        "headers together",
        "a path",
        "a query",
        "an announced body",
        "a body in chunks",
    ],
)
def test_what_is_too_large_is_refused(
    client: Client, service: Service, request_: str, status: int
) -> None:
    answers = client.ask_too_much(request_)
    if "Transfer-Encoding" in request_:
        # What was passed on arrives before the next test counts what does.
        assert service.begun.wait(10)

    assert [answer.status for answer in answers] in ([status], [])
    # A large body in chunks is passed on while it comes, and then broken off.
    assert not any(one.whole for one in service.received)


@pytest.mark.parametrize("kind", raw.STALLED)
def test_who_stops_in_the_middle_of_a_request_is_given_up(
    stalled: dict[str, socket.socket], service: Service, server: str, kind: str
) -> None:
    line = stalled[f"{server}: {kind}"]

    answers = answers_in(b"".join(iter(partial(line.recv, 65536), b"")))

    assert [answer.status for answer in answers] in ([408], [400], [])
    assert service.received == []


def test_a_websocket_is_refused_with_a_problem(
    client: Client, service: Service
) -> None:
    answer = client.ask_once(raw.WEBSOCKET)

    assert (answer.status, answer.problem["code"]) == (501, "websocket_not_supported")
    assert service.received == []


def test_an_answer_that_is_cut_after_its_head_never_passes_for_a_whole_one(
    client: Client, service: Service
) -> None:
    service.misbehave = cut_within_a_stream

    (answer,) = client.ask(raw.get())

    assert answer.status in {200, 502}
    assert not answer.body.endswith(b"0\r\n\r\n")


def test_an_event_reaches_its_client_before_the_next_one_is_sent(
    client: Client, service: Service
) -> None:
    service.released.clear()
    service.misbehave = stream_until_closed

    with client.connected(raw.get()) as line:
        received = b""
        while b"data: 1" not in received:
            received += line.recv(4096)
        early = b"data: 2" not in received
        service.released.set()
        while b"data: 2" not in received:
            received += line.recv(4096)

    assert early
    assert b"text/event-stream" in received


def test_the_server_does_not_tell_which_one_it_is(
    client: Client, service: Service
) -> None:
    served, refused = client.ask(raw.get()), client.ask("no HTTP\r\n\r\n")

    assert [answer.status for answer in (*served, *refused)] == [200, 400]
    assert "server:" not in served[0].head + refused[0].head

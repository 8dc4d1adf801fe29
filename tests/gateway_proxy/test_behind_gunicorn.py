"""Raw requests to the gateway behind the real server."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from tests.gateway_proxy import service as services
from tests.gateway_proxy.redis_server import RedisServer, free_port
from tests.gateway_proxy.service import Service, serving

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def _served(
    _kept_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, Service]]:
    port = free_port()
    with serving(free_port()) as service, _gunicorn(port, service, _kept_redis):
        yield port, service


@pytest.fixture
def served(
    _served: tuple[int, Service], redis_server: RedisServer
) -> tuple[int, Service]:
    """A gateway's port, and the service behind it as it was in the beginning."""
    port, service = _served
    service.received.clear()
    service.status, service.headers, service.misbehave = 200, [], None
    service.body = b'{"fine": true}'
    return port, service


@contextmanager
def _gunicorn(port: int, service: Service, redis: RedisServer) -> Iterator[None]:
    command = [sys.executable, "-m", "gunicorn", "tests.gateway_proxy.wsgi"]
    options = ["--bind", f"127.0.0.1:{port}", "--threads", "4", "--workers", "1"]
    environment = {
        **os.environ,
        "REDIS_URL": redis.url,
        "GATEWAY_UPSTREAMS": f"billing={service.url}",
    }
    process = subprocess.Popen(
        [*command, *options, "--log-level", "critical", "--no-control-socket"],
        cwd=ROOT,
        env=environment,
    )
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
        else:
            break
    raise RuntimeError(f"gunicorn did not start; it ended with {process.poll()}")


def exchange(port: int, raw: bytes) -> bytes:
    """Send bytes, and return all that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        connection.sendall(raw)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def get(target: str, bearer: dict[str, str], *headers: str) -> bytes:
    lines = [
        f"GET {target} HTTP/1.1",
        "Host: localhost",
        f"Authorization: {bearer['Authorization']}",
        "Connection: close",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def test_a_request_passes_byte_for_byte(
    served: tuple[int, Service], bearer: dict[str, str]
) -> None:
    port, service = served
    target = "/billing/caf%c3%a9/%2a;v=1?a[]=1&b=%2f%2F&c={}"

    answer = exchange(port, get(target, bearer))

    assert status_of(answer) == 200
    assert answer.endswith(service.body)
    assert service.received[0].target == f"/v1{target}"


@pytest.mark.parametrize(
    "target",
    [
        "/billing/../users",
        "/billing/%2e%2e/users",
        "/billing/.%2e/users",
        "/billing/./x",
        "/billing/..;/users",
        "/billing//x",
        "/billing%2fx",
        "/billing/%5c..%5cx",
        "/billing\\..\\x",
        "/billing/%00",
        "/billing/%0d%0aX-User-Id:%20root",
        "/billing/%252e%252e/users",
        "/billing/%c0%ae%c0%ae/users",
        "/billing/#x",
    ],
)
def test_a_trick_with_the_path_is_refused(
    served: tuple[int, Service], bearer: dict[str, str], target: str
) -> None:
    port, service = served

    answer = exchange(port, get(target, bearer))

    assert status_of(answer) == 400
    assert service.received == []


@pytest.mark.parametrize(
    "target", ["//billing", "//evil.test/billing", "/BILLING", "/%62illing"]
)
def test_a_path_of_another_name_is_not_forwarded(
    served: tuple[int, Service], bearer: dict[str, str], target: str
) -> None:
    port, service = served

    answer = exchange(port, get(target, bearer))

    assert status_of(answer) in {400, 404}
    assert service.received == []


@pytest.mark.parametrize(
    "header",
    [
        "X-User-Id: root",
        "X_User_Id: root",
        "X_USER_ID: root",
        "Connection: X-User-Id",
        "X-User-Id: root\r\nConnection: X-User-Id",
    ],
)
def test_no_header_makes_somebody_else_of_a_person(
    served: tuple[int, Service], bearer: dict[str, str], ada: UUID, header: str
) -> None:
    port, service = served

    answer = exchange(port, get("/billing", bearer, header))

    assert status_of(answer) == 200
    names = {name.lower().replace("_", "-") for name, _ in service.received[0].headers}
    assert "x-user-id" in names
    assert service.received[0].values("X-User-Id") == [str(ada)]
    assert service.received[0].values("X_User_Id") == []


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 4", "Transfer-Encoding: chunked"),
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: 4, 4",),
        ("Content-Length: +4",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
        ("Host: evil.test",),
    ],
)
def test_a_trick_with_the_framing_is_refused(
    served: tuple[int, Service], bearer: dict[str, str], headers: tuple[str, ...]
) -> None:
    port, service = served
    smuggled = b"0\r\n\r\nGET /billing/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

    answer = exchange(port, get("/billing", bearer, *headers) + smuggled)

    assert status_of(answer) in {400, 501}
    assert service.received == []


def test_a_body_in_chunks_arrives_with_its_length(
    served: tuple[int, Service], bearer: dict[str, str]
) -> None:
    port, service = served
    head = get("/billing", bearer, "Transfer-Encoding: chunked")

    answer = exchange(
        port, head.replace(b"GET", b"POST", 1) + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )

    assert status_of(answer) == 200
    assert service.received[0].body == b"abcde"
    assert service.received[0].values("Content-Length") == ["5"]
    assert service.received[0].values("Transfer-Encoding") == []


def test_a_body_in_chunks_is_counted(
    served: tuple[int, Service], bearer: dict[str, str]
) -> None:
    port, service = served
    head = get("/billing", bearer, "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    answer = exchange(
        port, head.replace(b"GET", b"POST", 1) + chunk * 17 + b"0\r\n\r\n"
    )

    assert status_of(answer) == 413
    assert service.received == []


def test_an_answer_that_is_cut_after_its_head_ends_unfinished(
    served: tuple[int, Service], bearer: dict[str, str]
) -> None:
    port, service = served
    service.misbehave = services.cut_within_a_stream

    answer = exchange(port, get("/billing", bearer))

    assert status_of(answer) == 200
    assert b"first" in answer
    assert not answer.endswith(b"0\r\n\r\n")


def test_of_an_upstreams_headers_the_servers_name_is_not_passed_on(
    served: tuple[int, Service], bearer: dict[str, str]
) -> None:
    port, _ = served

    answer = exchange(port, get("/billing", bearer))

    assert b"BaseHTTP" not in answer

"""The servers around OpenCore: what a client is told of their stop, and when."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from time import monotonic

import psutil
import pytest

from opencore.localservices.places import answers
from opencore.serving import newest_loaded, note_loaded
from tests.gateway_proxy.servers import BY_ASGI, GUNICORN, ONE_WORKER, UVICORN, running
from tests.ports import free_port

APP = "tests.opencore.halves:application"
SPEAKING = "tests.opencore.halves:speaking"
PATIENCE = 60.0
Command = Callable[[int], tuple[str, ...]]


def gunicorn(port: int) -> tuple[str, ...]:
    return (*GUNICORN, *ONE_WORKER, "--bind", f"127.0.0.1:{port}", SPEAKING)


def gunicorn_asgi(port: int) -> tuple[str, ...]:
    return (*GUNICORN, *ONE_WORKER, *BY_ASGI, "--bind", f"127.0.0.1:{port}", APP)


def uvicorn(port: int) -> tuple[str, ...]:
    return (*UVICORN, "--port", str(port), APP)


with_each = pytest.mark.parametrize("command", [gunicorn, gunicorn_asgi, uvicorn])


@pytest.fixture
def port() -> int:
    return free_port()


def until(true: Callable[[], bool], what: str) -> None:
    """Return when something is so."""
    deadline = monotonic() + PATIENCE
    while not true():
        assert monotonic() < deadline, f"waited in vain until {what}"
        Event().wait(0.05)


def until_closed(port: int) -> None:
    """Return when nobody new is let in."""
    until(lambda: not answers(port), "nobody new is let in")


def ask(line: HTTPConnection, path: str = "/") -> tuple[bytes, bool]:
    """Return the answer, and whether it is the connection's last one."""
    line.request("GET", path)
    answer = line.getresponse()
    return answer.read(), answer.will_close


@contextmanager
def connected(port: int) -> Iterator[HTTPConnection]:
    line = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        yield line
    finally:
        line.close()


@with_each
def test_a_connection_that_was_to_be_kept_is_told_its_end_with_one_more_answer(
    command: Command, port: int, tmp_path: Path
) -> None:
    release = tmp_path / "release"
    with (
        running(command, port, {"RELEASE": str(release)}) as process,
        connected(port) as line,
    ):
        line.request("GET", "/halves")
        kept = line.getresponse()

        process.send_signal(signal.SIGTERM)
        until_closed(port)
        release.touch()

        assert (kept.read(), kept.will_close) == (b"ok", False)
        assert ask(line) == (b"ok", True)
        assert process.wait(PATIENCE) == 0


@with_each
def test_an_idle_connection_is_told_its_end_with_one_more_answer(
    command: Command, port: int
) -> None:
    with running(command, port, {}) as process, connected(port) as line:
        before = ask(line)

        process.send_signal(signal.SIGTERM)
        until_closed(port)

        assert before == (b"ok", False)
        assert ask(line) == (b"ok", True)
        assert process.wait(PATIENCE) == 0


@with_each
def test_a_server_that_drains_serves_on_and_keeps_no_connection(
    command: Command, port: int
) -> None:
    with running(command, port, {"DRAIN_SECONDS": "600"}) as process:
        before = asked_anew(port)

        process.send_signal(signal.SIGTERM)
        until(lambda: asked_anew(port)[1], "it drains")

        assert before == (b"ok", False)
        assert asked_anew(port) == (b"ok", True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def asked_anew(port: int) -> tuple[bytes, bool]:
    with connected(port) as line:
        return ask(line)


def test_a_worker_that_is_replaced_serves_until_its_successor_can(
    port: int, tmp_path: Path
) -> None:
    loads = tmp_path / "loads"
    loads.touch()
    environment = {"LOADS": str(loads), "DRAIN_SECONDS": "600"}
    with running(gunicorn, port, environment) as process:
        parent = psutil.Process(process.pid)
        assert asked_anew(port) == (b"ok", False)
        (before,) = {child.pid for child in parent.children()}
        loads.unlink()

        process.send_signal(signal.SIGHUP)
        until(lambda: len(parent.children()) == 2, "a successor is there")
        meanwhile = [asked_later(port) for _ in range(30)]
        loads.touch()
        until(lambda: before not in {one.pid for one in parent.children()}, "it goes")

        assert meanwhile == [(b"ok", False)] * 30
        assert asked_anew(port) == (b"ok", False)
        process.send_signal(signal.SIGTERM)
        until(lambda: asked_anew(port)[1], "what is reloaded still drains")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def asked_later(port: int) -> tuple[bytes, bool]:
    """Let time pass in which the old worker has long been told to go."""
    Event().wait(0.05)
    return asked_anew(port)


def test_a_worker_that_loads_late_does_not_hide_its_successor() -> None:
    note_loaded(8)

    note_loaded(7)

    assert newest_loaded() == 8

"""The gateway behind each real server that OpenCore can be served by."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic

from tests.ports import free_port

ROOT = Path(__file__).parent.parent.parent
GUNICORN = (sys.executable, "-m", "gunicorn", "--config", "python:opencore.gunicorn")
UVICORN = (sys.executable, "-m", "opencore.uvicorn")
BY_ASGI = ("--worker-class", "opencore.serving.Worker")
THREADS = ("--worker-class", "opencore.serving.Threads", "--threads", "8")
ONE_WORKER = ("--workers", "1", "--log-level", "critical")
PATIENCE = 60.0


def gunicorn(port: int) -> tuple[str, ...]:
    """Return how Gunicorn lets the front speak to its clients itself."""
    bind = ("--bind", f"127.0.0.1:{port}")
    return (*GUNICORN, *ONE_WORKER, *bind, "tests.gateway_proxy.asgi")


def gunicorn_asgi(port: int) -> tuple[str, ...]:
    """Return how Gunicorn serves the ASGI front."""
    bind = ("--bind", f"127.0.0.1:{port}")
    return (*GUNICORN, *ONE_WORKER, *bind, *BY_ASGI, "tests.gateway_proxy.asgi")


def gunicorn_threads(port: int) -> tuple[str, ...]:
    """Return how Gunicorn serves the WSGI front."""
    bind = ("--bind", f"127.0.0.1:{port}")
    return (*GUNICORN, *ONE_WORKER, *bind, *THREADS, "tests.gateway_proxy.wsgi")


def uvicorn(port: int) -> tuple[str, ...]:
    """Return how Uvicorn serves the ASGI front."""
    return (*UVICORN, "--port", str(port), "tests.gateway_proxy.asgi:application")


SERVERS = {
    "gunicorn": gunicorn,
    "gunicorn asgi": gunicorn_asgi,
    "uvicorn": uvicorn,
    "gunicorn threads": gunicorn_threads,
}


@contextmanager
def all_servers(environment: Mapping[str, str]) -> Iterator[dict[str, int]]:
    """Run each server; yields their ports."""
    with ExitStack() as stack:
        ports = {name: free_port() for name in SERVERS}
        processes = {
            name: stack.enter_context(_started(command(ports[name]), environment))
            for name, command in SERVERS.items()
        }
        for name, process in processes.items():
            _wait_for(ports[name], process)
        yield ports


@contextmanager
def running(
    command: Callable[[int], tuple[str, ...]], port: int, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one server; yields its process when it answers."""
    with _started(command(port), environment) as process:
        _wait_for(port, process)
        yield process


@contextmanager
def _started(
    command: tuple[str, ...], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    quick = {"DRAIN_SECONDS": "0", **environment}
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **quick})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            if _answers(port):
                return
        else:
            break
    raise RuntimeError(f"{process.args!r} did not start: {process.poll()}")


def _answers(port: int) -> bool:
    """Return whether a request is answered, for a port may be open before that."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as line:
        try:
            line.request("GET", "/")
            line.getresponse()
        except (OSError, HTTPException):
            return False
        return True

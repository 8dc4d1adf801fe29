"""All contestants of the gateway's bench, started side by side on one core."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from django.conf import settings
from django.utils import timezone

from opencore.localservices.parts import PYTHON
from opencore.localservices.places import LocalServiceError, answers
from opencore.localservices.process import Child
from opencore.tokens import mint_access
from tests.bench.contest import cores, debian, limits, load, today
from tests.bench.contest.debian import Tools
from tests.bench.contest.load import Load, LoadRefused, Target
from tests.bench.contest.nginx import Nginx
from tests.bench.figures import Sample, Say
from tests.bench.peering import PeerAbsent
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[3]
USERS = 64
STARTS_WITHIN = 90
WARM_SECONDS = 2
ALONE = "the upstream alone"
NGINX = "nginx, forwarding only"
LUA = "nginx with Lua doing the same"
DRF = "OpenCore, DRF front, gunicorn gthread"
ASGI = "OpenCore, ASGI front, gunicorn asgi"
OWN = "OpenCore, connections of its own, gunicorn"
UVICORN = "OpenCore, ASGI front, uvicorn"
REQUESTS = "a DRF view with PyJWT, a throttle, requests"
HTTPX = "a DRF view with PyJWT, a throttle, httpx"
GUARDED = "a view with PyJWT and a throttle, gunicorn gthread"
INSIDE = "OpenCore's front, and the view behind it"
CONTESTANTS = {ALONE, NGINX, LUA, DRF, OWN, ASGI, UVICORN, REQUESTS, HTTPX}


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server that runs, and what is asked of it."""

    server: Child
    target: Target
    tools: Tools | None

    def rate(self, seconds: int, *, connections: int = 32) -> Sample:
        """Return how many requests it answers in a second, and its CPU for each."""
        before = cores.cpu_seconds(self.server.pid)
        found = self.load(seconds, connections=connections)
        spent = cores.cpu_seconds(self.server.pid) - before
        return Sample(found.rate, spent / found.requests * 1e6)

    def p50(self, seconds: int) -> Sample:
        """Return in how many milliseconds it answers one who asks alone."""
        return Sample(self.load(seconds, connections=1).p50_ms)

    def load(self, seconds: int, *, connections: int) -> Load:
        """Ask it, by users who take turns."""
        return load.put(
            self.target, connections=connections, seconds=seconds, tools=self.tools
        )


@dataclass(slots=True)
class Field:
    """The contestants by their names; remarks tell of the absent."""

    folder: Path
    tools: Tools | None
    stack: ExitStack
    upstream: int = field(default_factory=free_port)
    contestants: dict[str, Contestant] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    tokens: tuple[str, ...] = field(default_factory=lambda: _tokens(USERS))

    def add(self, name: str, server: Child, port: int) -> None:
        """Let a server take part once it answers, and end it with the field."""
        self.stack.callback(server.stop)
        server.wait_until(lambda: answers(port), seconds=STARTS_WITHIN)
        self._join(name, server, port, limits.PATH)

    def absent(self, names: Sequence[str], reason: object) -> None:
        """Note why these don't take part."""
        self.remarks += [f"{name}: {reason}" for name in names]

    def those(self, names: Sequence[str]) -> dict[str, Contestant]:
        """Return those of the named that take part."""
        return {
            name: self.contestants[name] for name in names if name in self.contestants
        }

    def warm(self, seconds: int) -> None:
        """Let each answer for a while before anything counts."""
        for contestant in self.contestants.values():
            contestant.load(min(seconds, WARM_SECONDS), connections=32)

    def start_python(
        self, name: str, command: Callable[[int], Sequence[str]], env: Mapping[str, str]
    ) -> None:
        """Start a server of Python's on the measured core."""
        port = free_port()
        log = self.folder / f"{len(self.contestants)}.log"
        server = Child(
            name, cores.measured(command(port)), log=log, env={**env}, cwd=ROOT
        )
        self.add(name, server, port)

    def also(self, name: str, *, of: str, path: str) -> None:
        """Let what a server answers at another path take part as well."""
        server = self.contestants[of].server
        self._join(name, server, self.contestants[of].target.port, path)

    def _join(self, name: str, server: Child, port: int, path: str) -> None:
        contestant = Contestant(server, Target(port, path, self.tokens), self.tools)
        try:
            contestant.load(0, connections=1)
        except (OSError, EOFError, LoadRefused) as error:
            raise LocalServiceError(f"{name}: {error}: {server.tail(20)}") from error
        self.contestants[name] = contestant


@contextmanager
def side_by_side(*, peers: Sequence[str], say: Say) -> Iterator[Field]:
    """Start all that can be started here; end them afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        stack.enter_context(cores.others_apart(settings.REDIS_URL))
        tools, reason = _tools(peers, say)
        field = Field(folder, tools, stack)
        _start_nginx(field, reason)
        _start_ours(field)
        _start_today(field, peers, say)
        yield field


def _tools(peers: Sequence[str], say: Say) -> tuple[Tools | None, object]:
    if "nginx" not in peers:
        return None, "not asked for"
    try:
        return debian.fetch(say), None
    except debian.ToolsAbsent as error:
        return None, error


def _start_nginx(field: Field, reason: object) -> None:
    upstream = field.upstream
    if field.tools is None:
        command = (PYTHON, "-m", "tests.bench.contest.upstream", str(upstream))
        log = field.folder / "upstream.log"
        field.add(ALONE, Child("upstream", command, log=log, cwd=ROOT), upstream)
        field.absent((NGINX, LUA), reason)
        return
    nginx = Nginx(field.tools, field.folder)
    field.add(ALONE, nginx.upstream(upstream), upstream)
    port = free_port()
    field.add(NGINX, nginx.proxy(port, upstream=upstream), port)
    port = free_port()
    told = limits.of_lua()
    field.add(LUA, nginx.gateway(port, upstream=upstream, settings=told), port)


def _start_ours(field: Field) -> None:
    env = _environment(field.upstream)
    threads = partial(_gunicorn, "gthread", "wsgi")
    own = partial(_gunicorn, "opencore.serving.Direct", "asgi")
    loop = partial(_gunicorn, "opencore.serving.Worker", "asgi")
    field.start_python(DRF, threads, env)
    field.also(GUARDED, of=DRF, path="/guarded/small")
    field.start_python(OWN, own, env)
    field.start_python(ASGI, loop, env)
    field.also(INSIDE, of=OWN, path="/notifications/small")
    field.start_python(UVICORN, _uvicorn, env)


def _start_today(field: Field, peers: Sequence[str], say: Say) -> None:
    if "today" not in peers:
        field.absent((REQUESTS, HTTPX), "not asked for")
        return
    try:
        today.install(say)
    except PeerAbsent as error:
        field.absent((REQUESTS, HTTPX), error)
        return
    for name, client in ((REQUESTS, "requests"), (HTTPX, "httpx")):
        env = today.environment(client=client, upstream=field.upstream)
        field.start_python(name, today.command, env)


def _environment(upstream: int) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.bench.contest.settings",
        "GATEWAY_RATE": str(limits.RATE),
        "GATEWAY_BURST": str(limits.BURST),
        "GATEWAY_UPSTREAMS": f"billing=http://127.0.0.1:{upstream}",
        # Who falls back to limits of its own has less to do.
        "REDIS_TIMEOUT": "2",
        "DRAIN_SECONDS": "0",
    }


def _gunicorn(worker: str, door: str, port: int) -> tuple[str, ...]:
    return (
        *(PYTHON, "-m", "gunicorn", "--config", "python:opencore.gunicorn"),
        *("--worker-class", worker, "--workers", "1", "--threads", "16"),
        *("--bind", f"127.0.0.1:{port}", f"opencore.{door}:application"),
    )


def _uvicorn(port: int) -> tuple[str, ...]:
    return PYTHON, "-m", "opencore.uvicorn", "--port", str(port)


def _tokens(users: int) -> tuple[str, ...]:
    now = timezone.now()
    return tuple(
        mint_access(user_id=uuid4(), session_id=uuid4(), role="user", now=now)
        for _ in range(users)
    )

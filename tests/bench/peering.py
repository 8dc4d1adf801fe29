"""Peers from PyPI, each in an environment of its own that is made from its lock."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg
from django.conf import settings

from tests.bench.figures import Sample, Say
from tests.bench.samples import TOPIC, template

ROOT = Path(__file__).resolve().parents[2]
LOCKS = Path(__file__).parent / "peers"
STARTS_WITHIN = 120
TRIAL_EVENTS, TRIAL_SECONDS = 100, 20


class PeerAbsent(Exception):
    """The peer can't be installed or does not run; the message says why in a line."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer, the Python that it needs, and how it was driven."""

    name: str
    how: str
    python: str = "3.11"

    @property
    def title(self) -> str:
        """Return what a table calls it."""
        return f"{self.name} {self._version()}"

    @property
    def what(self) -> str:
        """Return what a table of drains calls it."""
        return f"{self.title}, {self.how}"

    @property
    def lock(self) -> Path:
        """Return the file that pins it and all that it needs, by hashes."""
        return LOCKS / f"{self.name}.txt"

    def install(self, say: Say) -> None:
        """Make its environment unless it is there; raise PeerAbsent if that fails."""
        install(self._home, self.lock, python=self.python, say=say)

    def drain(self, *, events: int, seconds: int) -> Sample:
        """Let its relay send so many events, at most so long; return its rate."""
        found = self._drive("drain", events, seconds)
        if not found["rate"]:
            raise PeerAbsent(f"it sent nothing within {seconds} s")
        return Sample(found["rate"], found["cpu_us"])

    def emit(self, *, events: int, pairs: int) -> Sample:
        """Return the microseconds that each of its events adds to a transaction."""
        return Sample(self._drive("emit", events, pairs)["us"])

    @property
    def _home(self) -> Path:
        return ROOT / ".local" / "bench-peers" / self.name

    def _version(self) -> str:
        lines = self.lock.read_text("utf-8").splitlines()
        pinned = next(line for line in lines if line.startswith(f"{self.name}=="))
        return pinned.split("==")[1].split()[0]

    def _drive(self, verb: str, first: int, second: int) -> dict[str, float]:
        module = f"tests.bench.peers.{self.name.replace('-', '_')}"
        with TemporaryDirectory() as folder:
            answer = Path(folder) / "answer.json"
            world = {"BENCH_WORLD": json.dumps(self._world()), "BENCH_ANSWER": answer}
            ended = _run(
                [self._home / "bin" / "python", "-m", module, verb, first, second],
                env={"PATH": os.environ["PATH"], **world},
                seconds=STARTS_WITHIN + (second if verb == "drain" else 0),
            )
            if ended is not None or not answer.exists():
                raise PeerAbsent(ended or "it ended without an answer")
            found: dict[str, float] = json.loads(answer.read_text("utf-8"))
            return found

    def _world(self) -> dict[str, str]:
        return {
            "database": _own_database(f"bench_{self.name.replace('-', '_')}"),
            "kafka": str(settings.KAFKA["bootstrap.servers"]),
            "redis": str(settings.REDIS_URL),
            "topic": TOPIC,
            "event": template().decode(),
        }


PEERS = (
    Peer("faststream-outbox", "32 workers, fetch 1,000, flush 200"),
    Peer("django-outbox-pattern", "Kafka in place of STOMP, acks not awaited"),
    Peer("django-celery-outbox", "to Redis, batch 1,000, 4 threads"),
    Peer("django-reliable-outbox", "batch 100, 4 threads", python="3.12"),
)


def install(home: Path, lock: Path, *, python: str, say: Say) -> None:
    """Make an environment from a lock unless it is there, or raise PeerAbsent."""
    stamp = home / "lock.sha256"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text("utf-8") == digest:
        return
    say(f"Installing {lock.stem}")
    _uv("venv", "--clear", "--python", python, str(home))
    interpreter = str(home / "bin" / "python")
    _uv(
        *("pip", "install", "--python", interpreter),
        *("--require-hashes", "-r", str(lock)),
    )
    stamp.write_text(digest, "utf-8")


def present(names: Sequence[str], say: Say) -> tuple[list[Peer], list[str]]:
    """Return the peers that install and run, and of the others why not."""
    found, remarks = [], []
    for peer in (peer for peer in PEERS if peer.name in names):
        try:
            peer.install(say)
            peer.drain(events=TRIAL_EVENTS, seconds=TRIAL_SECONDS)
        except PeerAbsent as error:
            remarks.append(f"{peer.name}: {error}")
        else:
            found.append(peer)
    return found, remarks


def _own_database(name: str) -> str:
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        known = connection.execute(
            "select 1 from pg_database where datname = %s", [name]
        ).fetchone()
        if known is None:
            connection.execute(f"create database {name}".encode())
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _uv(*arguments: str) -> None:
    ended = _run(
        [Path(sys.executable).parent / "uv", *arguments, "--no-python-downloads"],
        env={**os.environ, "UV_CACHE_DIR": str(ROOT / ".local" / "cache")},
        seconds=600,
    )
    if ended is not None:
        raise PeerAbsent(ended)


def _run(
    command: list[object], *, env: dict[str, object], seconds: float
) -> str | None:
    """Return None if the command succeeded, else one line of why not."""
    try:
        ended = subprocess.run(
            [str(part) for part in command],
            cwd=ROOT,
            env={name: str(value) for name, value in env.items()},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it had not ended after {seconds:.0f} s"
    if ended.returncode == 0:
        return None
    # Tools wrap their sentences at the width of a terminal.
    # A page that others read tells nothing of where this machine keeps its things.
    said = " ".join(re.sub(r"\S*/\S+", "...", ended.stderr).split())
    return said[-300:] or f"status {ended.returncode}"

"""Puts a server under load, by wrk if it is there, else by an event loop of ours."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from time import perf_counter

from tests.bench.contest.debian import Tools
from tests.bench.figures import percentile

SCRIPT = Path(__file__).with_name("wrk.lua")
PATIENCE = 60
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class LoadRefused(Exception):
    """Some requests were not answered with 200, so their speed says nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked: one path of one server, by users who take turns."""

    port: int
    path: str
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """What one run came to."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Return how many requests were answered in a second."""
        return self.requests / self.seconds


def put(target: Target, *, connections: int, seconds: int, tools: Tools | None) -> Load:
    """Ask on so many kept-alive connections for so long; 0 seconds is a trial."""
    if tools is None or not seconds:
        return asyncio.run(_Loop(target, seconds).run(connections))
    return _wrk(target, connections, seconds, tools)


def _wrk(target: Target, connections: int, seconds: int, tools: Tools) -> Load:
    users = tools.root.with_name("tokens")
    users.write_text("".join(f"{token}\n" for token in target.tokens), "utf-8")
    ended = subprocess.run(
        [
            *(str(tools.wrk), "-t1", f"-c{connections}", f"-d{seconds}s"),
            *("--timeout", "30s", "-s", str(SCRIPT)),
            *(f"http://127.0.0.1:{target.port}{target.path}", "--", str(users)),
        ],
        env=tools.environment(),
        capture_output=True,
        text=True,
        timeout=seconds + PATIENCE,
        check=False,
    )
    if ended.returncode:
        raise LoadRefused(f"{target.path}: {(ended.stdout + ended.stderr)[-200:]}")
    found = json.loads(ended.stdout.splitlines()[-1])
    if found.pop("refused") + found.pop("broken") or not found["requests"]:
        raise LoadRefused(f"{target.path}: {ended.stdout[-200:]}")
    return Load(**found)


@dataclass(slots=True)
class _Loop:
    """Clients of one event loop; each asks again when it is answered."""

    target: Target
    seconds: float
    waits: list[float] = field(default_factory=list)

    async def run(self, connections: int) -> Load:
        requests = cycle(_written(self.target))
        began = perf_counter()
        async with asyncio.timeout(self.seconds + PATIENCE):
            await asyncio.gather(
                *(self._client(requests, began) for _ in range(connections))
            )
        return Load(
            requests=len(self.waits),
            seconds=perf_counter() - began,
            p50_ms=percentile(self.waits, 0.5) * 1e3,
            p99_ms=percentile(self.waits, 0.99) * 1e3,
        )

    async def _client(self, requests: Iterator[bytes], began: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target.port)
        asked = began
        while asked == began or asked - began < self.seconds:
            asked = perf_counter()
            writer.write(next(requests))
            await self._read(reader)
            self.waits.append(perf_counter() - asked)
        writer.close()
        await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        status, length = _STATUS.match(head), _LENGTH.search(head)
        if status is None or length is None or status[1] != b"200":
            raise LoadRefused(f"{self.target.path}: {head.splitlines()[0].decode()}")
        await reader.readexactly(int(length[1]))


def _written(target: Target) -> list[bytes]:
    return [
        (
            f"GET {target.path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
            + (f"Authorization: Bearer {token}\r\n" if token else "")
            + "\r\n"
        ).encode()
        for token in target.tokens
    ]

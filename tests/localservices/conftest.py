"""A whole running system in a folder of its own, whose name has a space."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from time import monotonic

import psutil
import pytest

from opencore.localservices.services import VARIABLES
from opencore.localservices.state import RunningSystem, read_running
from tests.services import ROOT

WITHIN = 180.0
COPIED = ("opencore", "accounts", "billing", "notifications", "outbox", "gateway_proxy")


class System:
    """A checkout that can be started, asked and ended, as by a person."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.said_to.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "opencore.localservices", "run"],
                cwd=self.root,
                env=_environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        self.wait(lambda: self.state is not None and self.state.ready)

    @property
    def said_to(self) -> Path:
        return self.root / "terminal.log"

    @property
    def said(self) -> str:
        return self.said_to.read_text("utf-8")

    @property
    def state(self) -> RunningSystem | None:
        return read_running(self.root)

    @property
    def family(self) -> list[psutil.Process]:
        assert self._process is not None
        leader = psutil.Process(self._process.pid)
        return [leader, *leader.children(recursive=True)]

    def ask(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "opencore.localservices", *words],
            cwd=self.root,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN,
        )

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def is_whole(self) -> bool:
        return self.state is not None and set(self.state.parts.values()) == {"up"}

    def end(self, number: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(WITHIN)

    def wait(self, true: Callable[[], bool]) -> None:
        give_up = monotonic() + WITHIN
        while not true():
            assert monotonic() < give_up, self.said
            assert self._process is None or self._process.poll() is None, self.said
            Event().wait(0.05)


def _environment() -> dict[str, str]:
    named = (*VARIABLES.values(), "DJANGO_SETTINGS_MODULE")
    return {name: value for name, value in os.environ.items() if name not in named}


def _checkout(root: Path) -> Path:
    root.mkdir()
    skipped = shutil.ignore_patterns("__pycache__")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name, ignore=skipped)
    shutil.copy(ROOT / "manage.py", root)
    (root / ".local").mkdir(mode=0o700)
    (root / ".local" / "kafka").symlink_to(ROOT / ".local" / "kafka")
    return root


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One system for all tests of a file."""
    system = System(_checkout(tmp_path_factory.mktemp("run") / "a check out"))
    system.start()
    yield system
    system.end(signal.SIGINT)


@pytest.fixture
def system(shared: System) -> Iterator[System]:
    """The system, whole before the test and, started again if need be, after it."""
    yield shared
    if not shared.is_running:
        shared.start()
    shared.wait(lambda: shared.is_whole)

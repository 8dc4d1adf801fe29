"""A child process that ends with us, and leaves its log behind."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import IO

import psutil

from opencore.localservices.places import LocalServiceError

PR_SET_PDEATHSIG = 1
LOOK_AGAIN = 0.02


class Child:
    """One started program with all of its descendants.

    It is in a process group of its own, so that Ctrl-C reaches only whoever started
    it; on Linux the kernel sends it `end_with_parent` when that one dies. Start it from
    a thread that stays: the kernel takes the thread for the parent.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pipe: bool = False,
        end_with_parent: signal.Signals = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                process_group=0,
                preexec_fn=partial(_end_with_parent, end_with_parent),  # noqa: PLW1509 -- one C call, no locks
            )

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def output(self) -> IO[bytes] | None:
        """Return what the program says, if it was started with a pipe."""
        return self._process.stdout

    @property
    def running(self) -> bool:
        """Return whether the program has not ended."""
        return self._process.poll() is None

    @property
    def status(self) -> int | None:
        """Return the exit status, negative for a signal, or None while it runs."""
        return self._process.poll()

    def ask_to_end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal to the program itself."""
        if self.running:
            self._process.send_signal(number)

    def stop(
        self, *, grace: float = 10.0, number: signal.Signals = signal.SIGTERM
    ) -> None:
        """End the program and what it started, kindly while the grace lasts."""
        if self.running:
            family = self._family()
            self.ask_to_end(number)
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self.kill()
            _end(family)
        self._close()

    def kill(self) -> None:
        """End the program and its descendants as a crash would."""
        family = self._family()
        for member in family:
            _send(member, signal.SIGKILL)
        self._process.wait(10)
        _end(family)
        self._close()

    def pause(self) -> None:
        """Stop the program and its descendants where they are, like a hung machine."""
        for member in self._family():
            _send(member, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused program go on."""
        for member in reversed(self._family()):
            _send(member, signal.SIGCONT)

    def tail(self, lines: int = 5) -> str:
        """Return the last lines of the log."""
        text = self.log.read_text("utf-8", "replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Return when it is ready; raise LocalServiceError if it ended or is late."""
        give_up = monotonic() + seconds
        while not ready():
            if not self.running:
                raise LocalServiceError(
                    f"{self.name} ended with status {self.status}: {self.tail(3)}"
                )
            if monotonic() > give_up:
                raise LocalServiceError(
                    f"{self.name} was not ready within {seconds:g} s; see {self.log}"
                )
            Event().wait(LOOK_AGAIN)

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _close(self) -> None:
        if self._process.stdout is not None and not self._process.stdout.closed:
            self._process.stdout.close()


def _end_with_parent(number: signal.Signals) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() == 1:
            os._exit(1)


def _send(member: psutil.Process, number: signal.Signals) -> None:
    try:
        member.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _end(family: Sequence[psutil.Process]) -> None:
    _, left = psutil.wait_procs(list(family), timeout=2)
    for member in left:
        _send(member, signal.SIGKILL)
    psutil.wait_procs(left, timeout=5)

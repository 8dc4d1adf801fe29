"""Where a profile keeps its data, and what it remembers between two starts."""

import fcntl
import json
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import IO, Any

# Below the ports that outgoing connections take, so that none of them takes ours.
PORTS = range(20_000, 32_000)


class LocalServiceError(RuntimeError):
    """A local service can't run; the message is a sentence for whoever started it."""


@dataclass(frozen=True)
class Places:
    """The folders of one profile (`run` or `test`) of a checkout."""

    root: Path
    profile: str

    @property
    def local(self) -> Path:
        """Return the folder that a factory reset removes."""
        return self.root / ".local"

    @property
    def home(self) -> Path:
        """Return the profile's own folder."""
        return self.local / self.profile

    @property
    def logs(self) -> Path:
        """Return where each part writes its log."""
        return self.local / "log" if self.profile == "run" else self.home / "log"

    @property
    def jars(self) -> Path:
        """Return where Kafka's jars lie, for all profiles."""
        return self.local / "kafka"

    def make(self) -> None:
        """Make the folders, for this user alone."""
        for folder in (self.local, self.home, self.logs, self.jars):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def port(self, name: str) -> int:
        """Return this part's port: the same as last time if it is still free."""
        known = self._read("ports.json")
        port = known.get(name)
        if not isinstance(port, int) or not is_free(port):
            port = _free_port(taken=set(known.values()))
            self._write("ports.json", {**known, name: port})
        return port

    def secret(self, name: str) -> str:
        """Return this part's password, made up on first use."""
        known = self._read("secrets.json")
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            self._write("secrets.json", known)
        return str(known[name])

    def remember(self, name: str, value: str) -> str:
        """Return what was remembered under the name, or remember this."""
        known = self._read("memory.json")
        if name not in known:
            known[name] = value
            self._write("memory.json", known)
        return str(known[name])

    def lock(self, *, wait: bool) -> IO[str]:
        """Hold the profile until the file is closed; raise LocalServiceError if held.

        The lock is the kernel's: it ends with the process, however that ends.
        """
        self.make()
        handle = (self.home / "lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            handle.seek(0)
            holder = handle.read().strip() or "another process"
            handle.close()
            raise LocalServiceError(
                f"This checkout already runs ({holder}). Stop that one first."
            ) from error
        handle.truncate(0)
        handle.write(f"process {os.getpid()}")
        handle.flush()
        return handle

    def _read(self, name: str) -> dict[str, Any]:
        with suppress(FileNotFoundError, ValueError):
            found = json.loads((self.home / name).read_text("utf-8"))
            if isinstance(found, dict):
                return found
        return {}

    def _write(self, name: str, value: dict[str, Any]) -> None:
        write_privately(self.home / name, json.dumps(value, indent=1))


def write_privately(path: Path, text: str) -> None:
    """Write a file that only this user can read, all of it or nothing."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.touch(mode=0o600)
    draft.write_text(text, "utf-8")
    draft.replace(path)


def is_free(port: int) -> bool:
    """Return whether this port can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Return whether somebody listens on this port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port(*, taken: set[Any]) -> int:
    for port in SystemRandom().sample(PORTS, 200):
        if port not in taken and is_free(port):
            return port
    raise LocalServiceError("No free port was found between 20000 and 31999.")

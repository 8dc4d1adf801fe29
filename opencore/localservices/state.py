"""What runs in this checkout, for commands that want to talk to it."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from opencore.localservices.places import Places, write_privately


@dataclass(frozen=True)
class RunningSystem:
    """A running `make run`: its processes' environment and the state of each part."""

    pid: int
    started_at: float
    ready: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)

    def write(self, places: Places) -> None:
        """Tell other commands."""
        write_privately(_path(places), json.dumps(asdict(self), indent=1))


def read_running(root: Path) -> RunningSystem | None:
    """Return the running system of this checkout, or None.

    A process id that was given to another program since is not ours.
    """
    with suppress(FileNotFoundError, ValueError, TypeError):
        found = json.loads(_path(Places(root, "run")).read_text("utf-8"))
        running = RunningSystem(**found)
        if started_at(running.pid) == running.started_at:
            return running
    return None


def started_at(pid: int) -> float | None:
    """Return when the process began, or None if there is none."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def myself() -> RunningSystem:
    """Return this process as a system that is starting."""
    return RunningSystem(pid=os.getpid(), started_at=started_at(os.getpid()) or 0.0)


def _path(places: Places) -> Path:
    return places.home / "state.json"


def wish_folder(root: Path) -> Path:
    """Return where commands leave the wish that a part be down."""
    return Places(root, "run").home / "down"

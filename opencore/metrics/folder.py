"""The folder in which processes that serve together count, each in files of its own.

Whoever starts the processes makes it before, and says which of them died: what they
counted stays, and what they were in the middle of does not.
"""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

# Read by prometheus_client at the moment it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
PREFIX = "opencore-metrics-"
# Locked by the processes that count in a folder, for as long as one of them lives.
IN_USE = "in-use"


def make_folder() -> None:
    """Let processes that are started from now on count together, from zero.

    Folders that processes left behind when they were killed are removed.
    """
    _remove_what_was_left()
    while not _holds(folder := tempfile.mkdtemp(prefix=PREFIX)):
        # Another start took it for one that was left behind, before it was locked.
        continue
    os.environ[FOLDER] = folder


def forget_process(pid: int) -> None:
    """Take out what only a living process can be in the middle of."""
    from prometheus_client.multiprocess import (  # noqa: PLC0415 -- reads FOLDER when it is imported
        mark_process_dead,
    )

    mark_process_dead(pid)  # type: ignore[no-untyped-call]  # -- the library leaves it untyped


def remove_folder() -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


def _holds(folder: str) -> bool:
    """Lock the folder for as long as this process lives; return whether it is there."""
    lock = Path(folder, IN_USE)
    # Stays open: closing it would free the lock.
    held = os.open(lock, os.O_CREAT | os.O_WRONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    return lock.exists()


def _remove_what_was_left() -> None:
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{IN_USE}"):
        try:
            with lock.open(encoding="utf-8") as opened:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            # Somebody counts there, or it is another user's.
            continue

"""The folder in which processes that serve together count, each in files of its own.

Whoever starts the processes makes it before, and says which of them died: what they
counted stays, and what they were in the middle of does not.
"""

import os
import shutil
import tempfile

# Read by prometheus_client at the moment it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def make_folder() -> None:
    """Let processes that are started from now on count together, from zero."""
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="opencore-metrics-")


def forget_process(pid: int) -> None:
    """Take out what only a living process can be in the middle of."""
    from prometheus_client.multiprocess import (  # noqa: PLC0415 -- reads FOLDER when it is imported
        mark_process_dead,
    )

    mark_process_dead(pid)  # type: ignore[no-untyped-call]  # -- the library leaves it untyped


def remove_folder() -> None:
    """Leave nothing behind."""
    shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)

"""Where processes count together: made by who starts them, and never left for good."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from opencore.metrics.folder import FOLDER, IN_USE, make_folder, remove_folder

HOLDS = (
    "import sys; from opencore.metrics.folder import FOLDER, make_folder; import os;"
    "make_folder(); print(os.environ[FOLDER], flush=True); sys.stdin.read()"
)


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place for temporary files that nobody else uses."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv(FOLDER, raising=False)
    yield tmp_path
    os.environ.pop(FOLDER, None)


@pytest.fixture
def other(room: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that counts in a folder of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def folder_of(process: "subprocess.Popen[str]") -> Path:
    """Return the folder that the process made."""
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def test_a_folder_goes_with_who_made_it(room: Path) -> None:
    make_folder()
    made = Path(os.environ[FOLDER])

    remove_folder()

    assert made.parent == room
    assert list(room.iterdir()) == []
    assert FOLDER not in os.environ


def test_what_a_killed_process_left_is_removed_at_the_next_start(
    room: Path, other: "subprocess.Popen[str]"
) -> None:
    left = folder_of(other)
    other.send_signal(signal.SIGKILL)
    other.wait(timeout=30)

    make_folder()

    assert list(room.iterdir()) == [Path(os.environ[FOLDER])]
    assert not left.exists()


def test_the_folder_of_a_living_process_stays(
    room: Path, other: "subprocess.Popen[str]"
) -> None:
    used = folder_of(other)

    make_folder()

    assert sorted(room.iterdir()) == sorted([used, Path(os.environ[FOLDER])])


def test_a_folder_that_another_start_takes_for_left_behind_is_made_anew(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Path] = []

    def lock_late(held: int, how: int) -> None:
        if not taken:
            taken.extend(room.iterdir())
            subprocess.run([sys.executable, "-c", HOLDS], input=b"", check=True)
        lock(held, how)

    lock = fcntl.flock
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", lock_late)
        make_folder()

    made = Path(os.environ[FOLDER])
    assert len(taken) == 1
    assert not taken[0].exists()
    assert made.is_dir()
    with (made / IN_USE).open() as lock_file, pytest.raises(BlockingIOError):
        lock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)

"""Makes `.venv` from a hashed lock, with nothing but the system's Python.

Runs under any Python 3.11 or newer and imports only its standard library: whatever
it needs beyond that it checks first, and says in a sentence how to get it.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".opencore-lock"
# On the same disk as .venv, which then shares its files instead of copying them.
CACHE = ROOT / ".local" / "cache"
NEEDED_BYTES = 2 * 1024**3
# A lock that covers another makes it needless to install that one.
COVERS = {"local": ("local", "dev"), "dev": ("dev",)}


class SetupImpossible(Exception):
    """Something is missing on this machine; the message says what mends it."""


def main() -> int:
    """Have the environment that the lock named on the command line describes."""
    lock = sys.argv[1] if len(sys.argv) > 1 else "local"
    try:
        if not is_ready(lock):
            build(lock)
    except SetupImpossible as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def is_ready(lock: str) -> bool:
    """Return whether `.venv` was made from this lock, or from one that covers it."""
    try:
        stamp = STAMP.read_text("utf-8")
    except OSError:
        return False
    return stamp in {digest(name) for name in COVERS[lock]}


def digest(lock: str) -> str:
    """Return what identifies a lock together with the Python that it is for."""
    content = (ROOT / "requirements" / f"{lock}.txt").read_bytes()
    return f"{lock} {hashlib.sha256(content).hexdigest()} {sys.version_info[:2]}"


def build(lock: str) -> None:
    """Check the machine, then make the environment; one build at a time."""
    check_machine()
    (ROOT / ".local").mkdir(mode=0o700, exist_ok=True)
    with (ROOT / ".local" / "bootstrap.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if is_ready(lock):
            return
        began = time.monotonic()
        say(f"Making .venv from requirements/{lock}.txt")
        make_venv()
        install(lock)
        STAMP.write_text(digest(lock), "utf-8")
        say(f"  {time.monotonic() - began:5.1f} s  .venv is made")


def check_machine() -> None:
    """Raise SetupImpossible for the first thing that is missing."""
    if sys.version_info < (3, 11):  # noqa: UP036 -- an older Python may run this file
        raise SetupImpossible(
            "OpenCore needs Python 3.11 or newer; this is"
            f" {sys.version_info.major}.{sys.version_info.minor}. Install one and run"
            " `make PYTHON=python3.11 run`."
        )
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    try:
        import ensurepip  # noqa: F401, PLC0415 -- may be absent, which is the question
        import venv  # noqa: F401, PLC0415 -- may be absent, which is the question
    except ImportError as error:
        raise SetupImpossible(
            f"Python's module {error.name} is missing. On Debian or Ubuntu:"
            f" sudo apt install python{version}-venv"
        ) from error
    if not os.access(ROOT, os.W_OK):
        raise SetupImpossible(
            f"{ROOT} can't be written to."
            f" Give it to yourself: sudo chown -R $USER '{ROOT}'"
        )
    free = shutil.disk_usage(ROOT).free
    if free < NEEDED_BYTES:
        raise SetupImpossible(
            f"{ROOT} has {free / 1024**3:.1f} GB left and 2 GB are needed. See what"
            f" takes the space: du -xh '{ROOT}' | sort -h | tail"
        )


def make_venv() -> None:
    """Make an empty environment, in place of one that was left half made."""
    STAMP.unlink(missing_ok=True)
    command = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)]
    run(command, "The virtual environment can't be made")


def install(lock: str) -> None:
    """Install exactly what the lock names: by uv, and by pip where there is no uv."""
    requirements = str(ROOT / "requirements" / f"{lock}.txt")
    python = str(VENV / "bin" / "python")
    run(
        [python, "-m", "ensurepip", "--default-pip"],
        "pip can't be put into .venv",
    )
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    pip.append("--no-cache-dir")
    uv = subprocess.run(
        [*pip, "--require-hashes", "-r", str(ROOT / "requirements" / "uv.txt")],
        check=False,
        capture_output=True,
    )
    if uv.returncode == 0:
        command = [python, "-m", "uv", "pip", "install", "--quiet", "--python", python]
        run(
            [*command, "--require-hashes", "-r", requirements],
            "The packages can't be installed",
            UV_CACHE_DIR=os.environ.get("UV_CACHE_DIR", str(CACHE)),
            UV_NO_CONFIG="1",
            # A company's own certificates are in the system, not in uv.
            UV_SYSTEM_CERTS="1",
        )
    else:
        run(
            [*pip, "--require-hashes", "-r", requirements],
            "The packages can't be installed",
        )


def run(command: list[str], failure: str, **environment: str) -> None:
    """Run a command; raise SetupImpossible with its last words if it fails."""
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise SetupImpossible(f"{failure}: {' '.join(words)}")


def say(line: str) -> None:
    """Show progress."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Kafka's jars: fetched once, checked against the lock, never used when altered."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jgo.maven import MavenContext

from opencore.localservices.places import LocalServiceError

LOCK_FILE = Path(__file__).with_name("kafka.lock")
AT_ONCE = 8
TRIES = 3

Say = Callable[[str], None]
Fetch = Callable[["Jar", Path], Path]


@dataclass(frozen=True)
class Jar:
    """One artifact, exactly."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Return the name of the file."""
        return f"{self.artifact}-{self.version}.jar"

    def is_whole(self, path: Path) -> bool:
        """Return whether the file is there, byte for byte."""
        if not path.exists():
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == self.sha256


def read_lock(path: Path = LOCK_FILE) -> list[Jar]:
    """Return the artifacts of the lock. Raises LocalServiceError on a broken line."""
    jars = []
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        try:
            name, sha256 = line.split()
            group, artifact, version = name.split(":")
        except ValueError as error:
            raise LocalServiceError(f"{path.name}: can't read {line!r}.") from error
        jars.append(Jar(group, artifact, version, sha256))
    return jars


def have_jars(
    folder: Path,
    *,
    say: Say,
    jars: Sequence[Jar] | None = None,
    fetch: Fetch | None = None,
) -> list[Path]:
    """Return the paths of all jars, having fetched what is missing or altered.

    Raises LocalServiceError if a jar can't be had as the lock wants it.
    """
    wanted = read_lock() if jars is None else jars
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in wanted if not _known_whole(jar, folder)]
    if missing:
        say(f"Fetching {len(missing)} jars of Apache Kafka (44 MB, once)")
        _fetch_all(missing, folder, say, fetch or _fetch_with_jgo)
    return [folder / jar.file_name for jar in wanted]


def _known_whole(jar: Jar, folder: Path) -> bool:
    # A stamp beside the jar saves reading 44 MB at each start; it names the size and
    # the time of the file that was checked.
    path = folder / jar.file_name
    stamp = path.with_suffix(".checked")
    if not path.exists():
        return False
    seen = f"{jar.sha256} {path.stat().st_size} {path.stat().st_mtime_ns}"
    if stamp.exists() and stamp.read_text("utf-8") == seen:
        return True
    if not jar.is_whole(path):
        return False
    stamp.write_text(seen, "utf-8")
    return True


def _fetch_all(jars: Iterable[Jar], folder: Path, say: Say, fetch: Fetch) -> None:
    jars = list(jars)
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        done = pool.map(lambda jar: _fetch_one(jar, folder, say, fetch), jars)
        for count, _ in enumerate(done, start=1):
            if count % 10 == 0 or count == len(jars):
                say(f"  {count} of {len(jars)} jars")
    finally:
        # Ctrl-C or a jar that can't be had: nobody waits for the rest.
        pool.shutdown(cancel_futures=True)


def _fetch_one(jar: Jar, folder: Path, say: Say, fetch: Fetch) -> None:
    path = folder / jar.file_name
    reason = ""
    for _ in range(TRIES):
        draft = folder / f"{jar.file_name}.{os.getpid()}.draft"
        cache = folder / f"{jar.artifact}.{os.getpid()}.cache"
        try:
            shutil.copyfile(fetch(jar, cache), draft)
            if jar.is_whole(draft):
                draft.replace(path)
                return
            reason = "its bytes are not those of the lock"
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error) or type(error).__name__
        finally:
            draft.unlink(missing_ok=True)
            shutil.rmtree(cache, ignore_errors=True)
        say(f"  {jar.file_name}: {reason}; fetching it again")
    raise LocalServiceError(
        f"{jar.file_name} can't be fetched: {reason}. Look at the network and try"
        " again, or set KAFKA_BOOTSTRAP_SERVERS to a Kafka of yours."
    )


def _fetch_with_jgo(jar: Jar, cache: Path) -> Path:
    project = MavenContext(repo_cache=cache).project(jar.group, jar.artifact)
    return Path(project.at_version(jar.version).artifact().resolve())

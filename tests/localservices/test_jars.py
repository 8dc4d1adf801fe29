"""Kafka's jars are those of the lock, or none."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from opencore.localservices.jars import LOCK_FILE, TRIES, Jar, have_jars, read_lock
from opencore.localservices.places import LocalServiceError

CONTENT = b"bytes of a jar"
JAR = Jar("org.example", "thing", "1.0", hashlib.sha256(CONTENT).hexdigest())


@dataclass
class Repository:
    """Delivers a jar; the first few times altered or not at all, if asked to."""

    altered: int = 0
    broken_off: int = 0
    asked: int = 0
    said: list[str] = field(default_factory=list)

    def fetch(self, _jar: Jar, cache: Path) -> Path:
        self.asked += 1
        cache.mkdir()
        path = cache / "jar"
        if self.asked <= self.broken_off:
            path.write_bytes(CONTENT[:3])
            raise OSError("the connection broke off")
        path.write_bytes(b"altered" if self.asked <= self.altered else CONTENT)
        return path

    def provide(self, folder: Path) -> list[Path]:
        return have_jars(folder, say=self.said.append, jars=[JAR], fetch=self.fetch)


def test_fetches_what_is_missing(tmp_path: Path) -> None:
    repository = Repository()

    (path,) = repository.provide(tmp_path)

    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in tmp_path.iterdir()] == ["thing-1.0.jar"]


def test_fetches_nothing_a_second_time(tmp_path: Path) -> None:
    Repository().provide(tmp_path)
    second = Repository()

    second.provide(tmp_path)

    assert second.asked == 0


@pytest.mark.parametrize(
    ("repository", "reason"),
    [
        pytest.param(
            Repository(altered=1), "its bytes are not those of the lock", id="altered"
        ),
        pytest.param(
            Repository(broken_off=1), "the connection broke off", id="broken off"
        ),
    ],
)
def test_a_bad_download_is_said_and_repeated(
    tmp_path: Path, repository: Repository, reason: str
) -> None:
    (path,) = repository.provide(tmp_path)

    assert path.read_bytes() == CONTENT
    assert f"  thing-1.0.jar: {reason}; fetching it again" in repository.said


def test_an_altered_jar_is_never_used(tmp_path: Path) -> None:
    repository = Repository(altered=TRIES)

    with pytest.raises(LocalServiceError, match="its bytes are not those of the lock"):
        repository.provide(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_jar_that_was_altered_on_the_disk_is_fetched_again(tmp_path: Path) -> None:
    (path,) = Repository().provide(tmp_path)
    Repository().provide(tmp_path)
    path.write_bytes(b"altered later")

    Repository().provide(tmp_path)

    assert path.read_bytes() == CONTENT


def test_a_line_that_is_no_artifact_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "kafka.lock"
    lock.write_text("# fine\norg.example:thing 1234\n", "utf-8")

    with pytest.raises(LocalServiceError, match=r"can't read 'org.example:thing 1234'"):
        read_lock(lock)


def test_the_lock_names_each_artifact_once_with_a_whole_hash() -> None:
    jars = read_lock()

    names = [(jar.group, jar.artifact) for jar in jars]
    assert len(names) == len(set(names)) == 47
    assert [j for j in jars if not re.fullmatch(r"[0-9a-f]{64}", j.sha256)] == []


def test_the_lock_has_broker_and_clients_of_one_version() -> None:
    versions = {
        jar.version for jar in read_lock(LOCK_FILE) if jar.group == "org.apache.kafka"
    }

    assert len(versions) == 1

"""The small parts of local services: places, jars, state, terminal, the environment."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from opencore.localservices import bootstrap, jars
from opencore.localservices.jars import Jar, have_jars, read_lock
from opencore.localservices.places import LocalServiceError, Places, is_free
from opencore.localservices.services import LocalServices
from opencore.localservices.state import RunningSystem, myself, read_running
from opencore.localservices.supervisor import Restarts, Supervisor
from opencore.localservices.terminal import REPEATED_AFTER, Extract, Terminal

BYTES = b"these are the bytes of a jar"
JAR = Jar("org.example", "thing", "1.0", hashlib.sha256(BYTES).hexdigest())


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(tmp_path / "a folder", "run")
    found.make()
    return found


def test_a_port_stays_the_same_and_below_those_of_outgoing_connections(
    places: Places,
) -> None:
    port = places.port("postgres")

    assert places.port("postgres") == port
    assert 20_000 <= port < 32_000


def test_a_port_that_somebody_took_meanwhile_is_replaced(places: Places) -> None:
    port = places.port("postgres")
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)

        assert places.port("postgres") != port


def test_no_two_parts_get_one_port(places: Places) -> None:
    assert len({places.port(f"part-{number}") for number in range(50)}) == 50


def test_a_secret_is_kept_for_this_user_alone(places: Places) -> None:
    secret = places.secret("postgres")

    assert places.secret("postgres") == secret
    assert places.secret("redis") != secret
    assert (places.home / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert places.local.stat().st_mode & 0o777 == 0o700


def test_a_file_that_was_cut_off_is_made_anew(places: Places) -> None:
    (places.home / "ports.json").write_text('{"postgres": 2', "utf-8")

    assert 20_000 <= places.port("postgres") < 32_000


def test_of_two_who_run_a_profile_the_second_is_told_of_the_first(
    places: Places,
) -> None:
    with (
        places.lock(wait=False),
        pytest.raises(LocalServiceError, match=rf"runs \(process {os.getpid()}\)"),
    ):
        places.lock(wait=False)

    places.lock(wait=False).close()


def fetching(*deliveries: bytes | Exception) -> Callable[[Jar, Path], Path]:
    """Return a fetch that delivers these, one after another."""
    left = list(deliveries)

    def fetch(jar: Jar, cache: Path) -> Path:
        delivered = left.pop(0)
        if isinstance(delivered, Exception):
            raise delivered
        cache.mkdir(parents=True)
        path = cache / jar.file_name
        path.write_bytes(delivered)
        return path

    return fetch


def have(
    folder: Path, *deliveries: bytes | Exception, said: list[str] | None = None
) -> list[Path]:
    say = (said if said is not None else []).append
    return have_jars(folder, say=say, jars=[JAR], fetch=fetching(*deliveries))


def test_a_jar_is_fetched_once_and_with_progress(tmp_path: Path) -> None:
    said: list[str] = []

    (path,) = have(tmp_path, BYTES, said=said)
    again = have(tmp_path, said=said)

    assert path.read_bytes() == BYTES
    assert again == [path]
    assert said == ["Fetching 1 jars of Apache Kafka (44 MB, once)", "  1 of 1 jars"]


@pytest.mark.parametrize(
    "first",
    [b"altered", BYTES[:5], OSError("connection reset"), RuntimeError("no such file")],
    ids=["altered", "cut off", "broken off", "absent"],
)
def test_a_bad_delivery_is_said_and_repeated_and_never_used(
    tmp_path: Path, first: bytes | Exception
) -> None:
    said: list[str] = []

    (path,) = have(tmp_path, first, BYTES, said=said)

    assert path.read_bytes() == BYTES
    assert "fetching it again" in said[1]
    assert sorted(file.name for file in tmp_path.iterdir()) == [path.name]


def test_what_never_comes_whole_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(LocalServiceError, match=r"thing-1\.0\.jar can't be fetched"):
        have(tmp_path, *[b"altered"] * jars.TRIES)

    assert list(tmp_path.iterdir()) == []


def test_a_jar_that_was_altered_on_the_disk_is_fetched_anew(tmp_path: Path) -> None:
    (path,) = have(tmp_path, BYTES)
    have(tmp_path)
    path.write_bytes(b"somebody changed these bytes")

    have(tmp_path, BYTES)

    assert path.read_bytes() == BYTES


def test_the_lock_of_jars_is_whole_and_a_broken_line_is_said(tmp_path: Path) -> None:
    assert {jar.artifact for jar in read_lock()} >= {"kafka_2.13", "kafka-clients"}
    (tmp_path / "kafka.lock").write_text("org.example:thing deadbeef\n", "utf-8")

    with pytest.raises(LocalServiceError, match=r"can't read 'org\.example:thing"):
        read_lock(tmp_path / "kafka.lock")


def test_a_running_system_is_known_by_its_process(tmp_path: Path) -> None:
    places = Places(tmp_path, "run")
    places.make()
    myself().write(places)

    assert read_running(tmp_path) == myself()


def test_a_process_id_that_another_program_got_is_not_ours(tmp_path: Path) -> None:
    places = Places(tmp_path, "run")
    places.make()
    RunningSystem(pid=os.getpid(), started_at=1.0).write(places)

    assert read_running(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", '{"pid": "x"}', "[]"])
def test_a_state_that_cannot_be_read_is_no_running_system(
    tmp_path: Path, text: str
) -> None:
    places = Places(tmp_path, "run")
    places.make()
    (places.home / "state.json").write_text(text, "utf-8")

    assert read_running(tmp_path) is None


def test_services_that_somebody_named_are_not_started(tmp_path: Path) -> None:
    named = {"DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://r/0"}
    services = LocalServices(root=tmp_path, profile="run", say=print, environment=named)

    services.start(["postgres", "redis"])

    assert services.embedded == {}
    assert services.urls() == named
    services.stop()


def test_a_part_that_keeps_crashing_is_started_ever_more_rarely() -> None:
    restarts = Restarts()

    assert [restarts.crashed() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_part_that_ran_steadily_is_started_again_at_once() -> None:
    restarts = Restarts()
    restarts.crashed()
    restarts.started_at -= 31

    assert restarts.crashed() == 0.5


def test_an_env_file_is_read_and_the_environment_goes_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        "REDIS_URL=redis://from-file/0\nDATABASE_URL=postgresql://from-file/x\n",
        "utf-8",
    )
    monkeypatch.setenv("DATABASE_URL", "postgresql://from-environment/x")
    monkeypatch.delenv("REDIS_URL")

    services = Supervisor(tmp_path, Terminal(quiet=True))._services

    assert services.named("postgres") == "postgresql://from-environment/x"
    assert services.named("redis") == "redis://from-file/0"


OUTAGE = "2026-11-24T09:02:33Z [error    ] database did not answer  [x] error='refused'"
TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "x.py", line 1, in x',
    "    connect()",
)


def extracted(*lines: str, at: tuple[float, ...] = ()) -> list[str]:
    """Return what the terminal shows of these lines, said at these times."""
    times = iter(at or (0.0,) * len(lines))
    extract = Extract(clock=lambda: next(times))
    return [said for line in lines for said in extract.of(line)]


def test_an_outage_is_told_once_and_so_is_its_end() -> None:
    later = OUTAGE.replace("09:02:33", "09:02:34").replace("refused", "reset")
    end = "2026-11-24T09:02:40Z [info     ] database answers again  [x]"

    assert extracted(OUTAGE, later, end) == [OUTAGE, end]


def test_an_outage_that_lasts_is_told_again_from_time_to_time() -> None:
    assert extracted(OUTAGE, OUTAGE, at=(0.0, REPEATED_AFTER)) == [OUTAGE, OUTAGE]


def test_a_traceback_of_an_outage_is_left_to_the_log() -> None:
    assert extracted(*TRACEBACK, "redis.exceptions.ConnectionError: Error 111") == []


def test_a_traceback_of_a_bug_is_shown_whole() -> None:
    assert extracted(*TRACEBACK, "KeyError: 'x'", "next line") == [
        *TRACEBACK,
        "KeyError: 'x'",
    ]


def test_each_mail_is_shown_and_ordinary_lines_are_not() -> None:
    mail = "mail to ada@example.com: Your sign-in code 12345678"

    assert extracted(mail, "[info     ] event handled", mail) == [mail, mail]


class Version(tuple[int, int]):
    """A version of Python, as sys tells it."""

    __slots__ = ()

    @property
    def major(self) -> int:
        return self[0]

    @property
    def minor(self) -> int:
        return self[1]


def test_set_up_finds_nothing_missing_here() -> None:
    bootstrap.check_machine()


def test_an_old_python_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "sys", SimpleNamespace(version_info=Version((3, 9))))

    with pytest.raises(
        bootstrap.SetupImpossible, match=r"3\.11 or newer; this is 3\.9"
    ):
        bootstrap.check_machine()


@pytest.mark.parametrize("module", ["ensurepip", "venv"])
def test_a_missing_module_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(
        bootstrap.SetupImpossible, match=r"sudo apt install python3\.\d+-venv"
    ):
        bootstrap.check_machine()


def test_a_folder_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("opencore.localservices.bootstrap.os.access", lambda *_: False)

    with pytest.raises(bootstrap.SetupImpossible, match=r"can't be written to.*chown"):
        bootstrap.check_machine()


def test_a_full_disk_is_said_with_what_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = SimpleNamespace(free=1024**3)
    monkeypatch.setattr(
        "opencore.localservices.bootstrap.shutil.disk_usage", lambda _path: usage
    )

    with pytest.raises(bootstrap.SetupImpossible, match=r"1\.0 GB left and 2 GB"):
        bootstrap.check_machine()


def test_an_environment_is_ready_until_its_lock_changes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "requirements").mkdir()
    for name in ("local", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(name, "utf-8")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / "stamp")
    assert not bootstrap.is_ready("local")

    bootstrap.STAMP.write_text(bootstrap.digest("dev"), "utf-8")

    assert bootstrap.is_ready("dev")
    assert bootstrap.is_ready("local")
    (tmp_path / "requirements" / "dev.txt").write_text("newer", "utf-8")
    assert not bootstrap.is_ready("local")


def test_set_up_that_fails_is_one_sentence_and_status_1(tmp_path: Path) -> None:
    script = tmp_path / "opencore" / "localservices" / "bootstrap.py"
    script.parent.mkdir(parents=True)
    shutil.copy(Path(bootstrap.__file__), script)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "local.txt").write_text("no-such==1 --hash=sha256:0\n")

    ended = subprocess.run(
        [sys.executable, str(script), "local"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PIP_NO_INDEX": "1"},
    )

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("The packages can't be installed: ")

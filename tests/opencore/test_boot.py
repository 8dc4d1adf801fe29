"""A process waits for PostgreSQL, aloud, and serves only when all is there."""

import os
import subprocess
import sys
from runpy import run_module
from time import monotonic

import pytest
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from opencore.boot import BootRefused, prepare_to_serve, refuse_missing_migrations
from opencore.database import (
    DatabaseAbsent,
    unapplied_migrations,
    wait_for_database,
)
from opencore.tokens import fetching
from opencore.tokens.fetching import FetchedKeys
from tests.opencore.conftest import DatabaseAt
from tests.opencore.tcp_line import TcpLine
from tests.opencore.tokens.publisher import Published
from tests.ports import free_port

transactional = pytest.mark.django_db(transaction=True)


def forget_a_migration(
    app: str = "opencore", name: str = "0003_let_requests_run_as_a_role_of_their_own"
) -> None:
    MigrationRecorder.Migration.objects.get(app=app, name=name).delete()


@transactional
def test_does_not_wait_for_a_database_that_answers() -> None:
    said: list[str] = []

    wait_for_database(limit=0.0, say=said.append)

    assert said == []


@transactional
def test_says_each_second_what_it_waits_for_and_gives_up_at_the_limit(
    database_at: DatabaseAt,
) -> None:
    port = free_port()
    database_at(HOST="127.0.0.1", PORT=str(port))
    said: list[str] = []
    began = monotonic()

    with pytest.raises(DatabaseAbsent) as error:
        wait_for_database(limit=1.5, say=said.append)

    assert 1.5 <= monotonic() - began < 3.0
    assert [line.split(":")[0] for line in said] == [
        "Waiting for PostgreSQL (0 of 1.5 s)",
        "Waiting for PostgreSQL (1 of 1.5 s)",
    ]
    assert f"port {port} failed: Connection refused" in said[0]
    assert str(error.value).startswith("PostgreSQL did not answer within 1.5 s: ")


@transactional
def test_serves_as_soon_as_the_database_answers(database_at: DatabaseAt) -> None:
    database_at(HOST="127.0.0.1", PORT=str(free_port()))
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        database_at()

    wait_for_database(limit=30.0, say=say)

    assert len(said) == 1


@transactional
def test_a_database_that_hangs_is_waited_for_too(line: TcpLine) -> None:
    line.go_silent()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        line.speak()

    wait_for_database(limit=30.0, say=say)

    assert len(said) == 1


@transactional
def test_no_migration_is_missing_in_a_new_database() -> None:
    assert unapplied_migrations() == []
    refuse_missing_migrations()


@pytest.mark.django_db
def test_names_the_migrations_that_are_missing() -> None:
    forget_a_migration()

    with pytest.raises(BootRefused) as error:
        refuse_missing_migrations()

    assert str(error.value) == (
        "These migrations are not applied: opencore.0003_let_requests_run_as_a_role_of_their_own."
        " Run: python manage.py migrate"
    )


@pytest.mark.django_db
def test_a_missing_migration_is_seen_behind_a_later_one() -> None:
    forget_a_migration("outbox", "0005_count_what_processes_did")

    assert unapplied_migrations() == ["outbox.0005_count_what_processes_did"]


@pytest.mark.django_db
def test_a_process_ends_with_a_sentence_while_migrations_are_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    forget_a_migration()

    with pytest.raises(SystemExit) as ended:
        prepare_to_serve()

    assert ended.value.code == 3
    assert capsys.readouterr().err == (
        "OpenCore does not start: These migrations are not applied:"
        " opencore.0003_let_requests_run_as_a_role_of_their_own. Run: python manage.py migrate\n"
    )


@transactional
def test_a_process_may_serve_when_nothing_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare_to_serve()

    assert capsys.readouterr().err == ""


@transactional
@pytest.mark.parametrize("up", [True, False])
def test_a_start_asks_for_the_keys_of_other_issuers_and_goes_on_without(
    up: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, published = "https://idp.example.com/keys", Published()
    published.up = up
    monkeypatch.setitem(fetching._by_url, url, FetchedKeys(url, fetch=published))
    settings.JWT_ISSUERS = {"https://idp.example.com": (url, "")}

    prepare_to_serve()

    assert published.asked == 1


@transactional
def test_unsafe_settings_are_refused_before_anybody_waits(
    settings: Settings, capsys: pytest.CaptureFixture[str], database_at: DatabaseAt
) -> None:
    settings.PROFILE = "production"
    database_at(HOST="127.0.0.1", PORT=str(free_port()))

    with pytest.raises(SystemExit) as ended:
        prepare_to_serve()

    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 3
    assert line.startswith("OpenCore does not start: CODE_PEPPER is published")


@pytest.mark.parametrize("module", ["opencore.wsgi", "opencore.asgi"])
def test_a_server_has_a_route_table_before_its_first_request(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr("django.setup", lambda **_: None)
    monkeypatch.setattr("gateway_proxy.front.asgi_front", lambda: None)
    monkeypatch.setattr("opencore.boot.prepare_to_serve", lambda: done.append("ready"))
    monkeypatch.setattr("gateway_proxy.watching.begin", lambda: done.append("table"))

    run_module(module)

    assert done == ["ready", "table"]


@pytest.mark.parametrize("module", ["opencore.wsgi", "opencore.asgi"])
def test_a_server_without_its_database_says_so_and_ends(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import {module}"],
        env={
            **os.environ,
            "DATABASE_URL": f"postgresql://opencore@127.0.0.1:{free_port()}/opencore",
            "DATABASE_WAIT": "0.5",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    waiting, refusal = ended.stderr.splitlines()
    assert ended.returncode == 3
    assert waiting.startswith("Waiting for PostgreSQL (0 of 0.5 s): ")
    assert refusal.startswith(
        "OpenCore does not start: PostgreSQL did not answer within 0.5 s: "
    )

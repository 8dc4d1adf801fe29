"""The environment: all of it is written down, and a wrong value stops the start."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from opencore.settings.environment import (
    Environment,
    environment_of_this_start,
    read_environment,
    split,
)
from opencore.settings.issuers import issuers_of
from opencore.tokens.keys import load_key
from tests.opencore.production import good_environment
from tests.opencore.tokens.forging import pem_of, public_half

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ("opencore", "accounts", "billing", "notifications", "outbox")
READ = re.compile(r"""os\.environ(?:\.get\(|\.setdefault\(|\[)\s*"([A-Z_]+)\"""")
ENTRY = re.compile(r"((?:#.*\n)+)#([A-Z_]+)=(.*)\n")


def entries() -> dict[str, tuple[str, str]]:
    """Return what .env.example says of each variable: its description and default."""
    text = (ROOT / ".env.example").read_text("utf-8")
    return {
        name: (" ".join(said.replace("#", "").split()), default)
        for said, name, default in ENTRY.findall(text)
    }


def read_in_code() -> set[str]:
    """Return the variables that product code reads past the typed environment."""
    files = [ROOT / "manage.py"]
    for folder in (*SOURCES, "gateway_proxy"):
        files += (ROOT / folder).rglob("*.py")
    return {name for file in files for name in READ.findall(file.read_text("utf-8"))}


def as_written(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return str(default)


def test_the_example_names_exactly_what_is_read() -> None:
    typed = {name.upper() for name in Environment.model_fields}

    assert set(entries()) == typed | read_in_code()


@pytest.mark.parametrize("name", sorted(Environment.model_fields))
def test_the_example_gives_each_variable_its_description_and_default(name: str) -> None:
    field = Environment.model_fields[name]
    said, default = entries()[name.upper()]

    assert said == " ".join((field.description or "").split())
    assert default == as_written(field.default)


def test_the_example_names_nothing_twice_or_set() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()

    names = [line.split("=")[0] for line in lines if re.match(r"#[A-Z_]+=", line)]
    assert len(names) == len(set(names)) == len(entries())
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_a_named_file_holds_the_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("from the file\n", "utf-8")
    monkeypatch.setenv("JWT_SIGNING_KEY_FILE", str(tmp_path / "key"))

    assert read_environment().jwt_signing_key == "from the file"


def test_a_named_file_goes_before_the_plain_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "size").write_text("7", "utf-8")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "3")
    monkeypatch.setenv("DATABASE_POOL_SIZE_FILE", str(tmp_path / "size"))

    assert read_environment().database_pool_size == 7


def test_a_named_file_that_is_not_there_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = str(tmp_path / "gone")
    monkeypatch.setenv("CODE_PEPPER_FILE", path)

    with pytest.raises(SystemExit) as ended:
        environment_of_this_start()

    assert ended.value.code == (
        f"OpenCore does not start: CODE_PEPPER_FILE={path!r} can't be read:"
        " No such file or directory."
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "DATABASE_POOL_SIZE",
            "many",
            "DATABASE_POOL_SIZE='many': Input should be a valid integer,"
            " unable to parse string as an integer",
        ),
        (
            "DATABASE_POOL_SIZE",
            "0",
            "DATABASE_POOL_SIZE='0': Input should be greater than or equal to 1",
        ),
        (
            "DATABASE_UNENCRYPTED",
            "perhaps",
            "DATABASE_UNENCRYPTED='perhaps': Input should be a valid boolean,"
            " unable to interpret input",
        ),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL='loud': Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
        ),
        ("GATEWAY_JWT", "no", "GATEWAY_JWT='no': Input should be 'on' or 'off'"),
        (
            "PUBLIC_URL",
            "api.example.com",
            "PUBLIC_URL: use https://host; this is 'api.example.com'",
        ),
        (
            "TRUSTED_PROXIES",
            "10.0.0.0/8, home",
            "TRUSTED_PROXIES: 'home' does not appear to be an IPv4 or IPv6 network",
        ),
        (
            "JWT_ISSUERS",
            "https://idp.example.com",
            "JWT_ISSUERS: use issuer=https://host/keys|audience;"
            " this is 'https://idp.example.com'",
        ),
        (
            "JWT_ISSUERS",
            "https://a=https://a/keys, https://a=https://b/keys",
            "JWT_ISSUERS: an issuer stands twice",
        ),
        (
            "GATEWAY_UPSTREAMS",
            "billing",
            "GATEWAY_UPSTREAMS: use prefix=URL; this is 'billing'",
        ),
        (
            "DATABASE_URL",
            "password=hunter2 nonsense",
            "DATABASE_URL: use postgresql://user:password@host:port/name",
        ),
        (
            "REDIS_URL",
            "127.0.0.1:6379",
            "REDIS_URL: use redis[s]://:password@host:port/0",
        ),
        (
            "EMAIL_URL",
            "smpt://opencore:hunter2@mail.example.com",
            "EMAIL_URL: mail goes to console:, memory:, file:FOLDER,"
            " or smtp[+tls|s]://user:password@host:port",
        ),
    ],
)
def test_a_wrong_value_is_a_sentence_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ImproperlyConfigured) as error:
        read_environment()

    assert str(error.value) == f"The environment is wrong: {sentence}."


def test_all_wrong_values_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_RATE", "fast")
    monkeypatch.setenv("GATEWAY_BURST", "-1")

    with pytest.raises(ImproperlyConfigured) as error:
        read_environment()

    assert str(error.value) == (
        "The environment is wrong: GATEWAY_RATE='fast': Input should be a valid number,"
        " unable to parse string as a number; GATEWAY_BURST='-1': Input should be"
        " greater than or equal to 1."
    )


@pytest.mark.parametrize(
    "start",
    [
        ["manage.py", "check"],
        ["-c", "import opencore.wsgi"],
        ["-m", "celery", "--app", "opencore", "report"],
    ],
    ids=["command", "server", "worker"],
)
def test_a_wrong_value_stops_every_kind_of_start_without_a_traceback(
    start: list[str],
) -> None:
    ended = subprocess.run(
        [sys.executable, *start],
        cwd=ROOT,
        env={**good_environment(), "OUTBOX_LANES": "sixteen"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode != 0
    assert ended.stderr == (
        "OpenCore does not start: The environment is wrong: OUTBOX_LANES='sixteen':"
        " Input should be a valid integer, unable to parse string as an integer.\n"
    )


def test_keys_may_be_pems_in_a_file_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pem, other = pem_of("EdDSA"), public_half(pem_of("ES256"))
    (tmp_path / "keys").write_text(f"{pem},{other}", "utf-8")
    monkeypatch.setenv("JWT_PREVIOUS_SIGNING_KEYS_FILE", str(tmp_path / "keys"))

    keys = split(read_environment().jwt_previous_signing_keys)

    assert [load_key(key).algorithm for key in keys] == ["EdDSA", "ES256"]


def test_issuers_are_read_with_an_audience_of_their_own_or_without() -> None:
    text = "https://a=https://a/keys|api, https://b=https://b/keys?of=tenant,"

    assert issuers_of(text) == {
        "https://a": ("https://a/keys", "api"),
        "https://b": ("https://b/keys?of=tenant", ""),
    }


def test_the_database_gets_every_time_out() -> None:
    options = connection.settings_dict["OPTIONS"]

    assert options["options"] == (
        "-c statement_timeout=3500 -c lock_timeout=2000"
        " -c idle_in_transaction_session_timeout=10000"
    )
    assert (options["connect_timeout"], options["tcp_user_timeout"]) == (2, 5000)
    assert options["pool"] == {
        "min_size": 1,
        "max_size": 10,
        "timeout": 1.0,
        "max_waiting": 20,
        "deadline": 4.0,
    }

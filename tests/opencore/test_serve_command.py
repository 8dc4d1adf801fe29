"""`manage.py serve`: it runs the server that it says it runs."""

import shlex
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from opencore.localservices.parts import PARTS
from tests.gateway_proxy.servers import GUNICORN, THREADS, UVICORN


def would_run(*arguments: str) -> tuple[str, ...]:
    """Return the command that a dry run shows."""
    said = StringIO()
    call_command("serve", "--dry-run", *arguments, stdout=said)
    return tuple(shlex.split(said.getvalue()))


def test_it_serves_as_a_local_system_does() -> None:
    (api,) = (part for part in PARTS if part.name == "api")

    assert would_run("--bind", "127.0.0.1:8123", "--workers", "1") == api.command(8123)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (
            (),
            (*GUNICORN, "--bind", "127.0.0.1:8000", "opencore.asgi:application"),
        ),
        (
            ("--server", "uvicorn", "--bind", "[::1]:80"),
            (*UVICORN, "--host", "::1", "--port", "80"),
        ),
        (
            ("--server", "threads"),
            (
                *(*GUNICORN, "--bind", "127.0.0.1:8000", *THREADS[:-1], "16"),
                "opencore.wsgi:application",
            ),
        ),
    ],
    ids=["gunicorn", "uvicorn", "threads"],
)
def test_each_server_can_be_chosen(
    arguments: tuple[str, ...], command: tuple[str, ...]
) -> None:
    assert would_run(*arguments) == command


@pytest.mark.parametrize(
    "arguments",
    [
        ("--bind", "8000"),
        ("--bind", "localhost:http"),
        ("--server", "uvicorn", "--workers", "2"),
    ],
)
def test_refuses_what_no_server_can_do(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        would_run(*arguments)

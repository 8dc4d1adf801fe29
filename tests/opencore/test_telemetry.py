"""Logs: one line per event, as JSON or readable, under the request's id, no secrets."""

import json
import logging
from typing import Any

import pytest

from opencore.context import working_for
from opencore.ids import uuid7
from opencore.telemetry import formatter


def written(kind: str, message: str, **fields: Any) -> str:
    """Return the line that is written of an event with these fields."""
    record = logging.getLogger("tests").makeRecord(
        "tests", logging.INFO, __file__, 1, message, (), None, extra=fields
    )
    return formatter(kind).format(record)


def failed(kind: str) -> str:
    """Return what is written of an event with a traceback."""
    try:
        raise ValueError("first line\nsecond line")
    except ValueError as error:
        caught = (type(error), error, error.__traceback__)
    record = logging.getLogger("tests").makeRecord(
        "tests", logging.ERROR, __file__, 1, "request failed", (), caught
    )
    return formatter(kind).format(record)


def test_in_production_an_event_is_one_object_on_one_line() -> None:
    line = written("json", "event handled", attempts=3)

    said = json.loads(line)
    assert "\n" not in line
    assert (said["message"], said["level"], said["logger"]) == (
        "event handled",
        "info",
        "tests",
    )
    assert said["attempts"] == 3
    assert said["timestamp"].endswith("Z")


def test_a_traceback_stays_on_its_line() -> None:
    line = failed("json")

    assert "\n" not in line
    assert "ValueError: first line\nsecond line" in json.loads(line)["exception"]


def test_locally_an_event_is_readable() -> None:
    line = written("readable", "event handled", attempts=3)

    assert "event handled" in line
    assert line.endswith("attempts=3")
    assert "Traceback (most recent call last)" in failed("readable")


@pytest.mark.parametrize("kind", ["json", "readable"])
def test_what_belongs_to_a_request_says_so(kind: str) -> None:
    event_id = uuid7()
    with working_for(request_id="request-of-ada", causation_id=event_id):
        line = written(kind, "customer opened")

    assert "request-of-ada" in line
    assert str(event_id) in line


def test_what_belongs_to_no_request_has_no_id() -> None:
    assert "request_id" not in json.loads(written("json", "customer opened"))


@pytest.mark.parametrize("kind", ["json", "readable"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("access_token", "opaque-secret"),
        ("code", "12345678"),
        ("error", "Bearer eyJhbGciOiJIUzM4NCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"),
        ("error", "no such user ada@example.com"),
        ("error", "postgresql://opencore:hunter2@db/opencore"),
    ],
    ids=["token", "code", "bearer", "address", "password"],
)
def test_no_secret_and_no_address_is_written(kind: str, name: str, value: str) -> None:
    line = written(kind, "something happened", **{name: value})

    secrets = ("opaque-secret", "12345678", "c2lnbmF0dXJl", "ada@example", "hunter2")
    assert [secret for secret in secrets if secret in line] == []


def test_nobody_writes_a_second_line_by_a_line_break() -> None:
    line = written("json", "path asked for", path="/x\n{'level': 'error'}\r\nforged")

    assert line.splitlines() == [line]

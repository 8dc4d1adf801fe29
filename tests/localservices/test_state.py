"""Whether a system runs in this checkout, as other commands see it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from opencore.localservices.places import Places
from opencore.localservices.state import RunningSystem, myself, read_running


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path, "run")
    made.make()
    return made


def test_a_running_system_is_found_with_what_it_told(places: Places) -> None:
    system = replace(myself(), ready=True, parts={"kafka": "up"})
    system.write(places)

    assert read_running(places.root) == system


def test_a_process_id_that_another_program_was_given_is_not_the_system(
    places: Places,
) -> None:
    RunningSystem(pid=os.getpid(), started_at=1.0).write(places)

    assert read_running(places.root) is None


def test_nothing_runs_where_nothing_was_told(places: Places) -> None:
    assert read_running(places.root) is None


def test_a_torn_note_is_no_system(places: Places) -> None:
    (places.home / "state.json").write_text('{"pid": 1', "utf-8")

    assert read_running(places.root) is None

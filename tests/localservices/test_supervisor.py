"""How crashed parts come back, and what a file of settings may say."""

from pathlib import Path

import pytest

from opencore.localservices.places import LocalServiceError
from opencore.localservices.supervisor import LONGEST_BACKOFF, Restarts, _dotenv


def test_each_crash_in_a_row_is_waited_for_longer() -> None:
    restarts = Restarts()

    pauses = [restarts.crashed() for _ in range(8)]

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_BACKOFF, LONGEST_BACKOFF]


def test_a_part_that_ran_steadily_comes_back_at_once() -> None:
    restarts = Restarts(crashes=6, started_at=0.0)

    assert restarts.crashed() == 0.5


def test_settings_are_read_from_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# mine\nREDIS_URL=redis://a/0\nEMPTY=\n", "utf-8")

    assert _dotenv(tmp_path) == {"REDIS_URL": "redis://a/0"}


def test_there_need_be_no_file_of_settings(tmp_path: Path) -> None:
    assert _dotenv(tmp_path) == {}


def test_a_line_of_settings_that_says_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nB='never closed\n", "utf-8")

    with pytest.raises(LocalServiceError, match=r"\.env, line 2: can't be read"):
        _dotenv(tmp_path)

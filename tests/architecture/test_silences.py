"""Every silenced check says why, and the layout stays as it was agreed."""

import re
import subprocess
import tokenize
from pathlib import Path

import pytest

from tests.architecture.code import ROOT, all_files, name_of

SILENCE = re.compile(r"#\s*(noqa|type:\s*ignore)\b")
REASON = re.compile(r"#\s*(noqa:\s*[A-Z0-9, ]+|type:\s*ignore\[[\w, -]+\]\s*#)\s*-- \w")
FOLDERS = {
    *("opencore", "accounts", "billing", "notifications", "outbox"),
    *("gateway_proxy", "docker", "requirements", "tests"),
}


def silences(path: Path) -> list[str]:
    """Return the comments of a file that silence a check."""
    with tokenize.open(path) as source:
        return [
            token.string
            for token in tokenize.generate_tokens(source.readline)
            if token.type == tokenize.COMMENT and SILENCE.search(token.string)
        ]


def test_every_silenced_check_has_a_reason() -> None:
    found = [
        f"{name_of(path)}: {comment}"
        for path in all_files()
        for comment in silences(path)
        if not REASON.search(comment)
    ]

    assert found == []


@pytest.mark.parametrize(
    ("comment", "good"),
    [
        ("# noqa: PLC0415 -- slow import", True),
        ("# type: ignore[misc]  # -- django-stubs leaves it out", True),
        ("# noqa: PLC0415", False),
        ("# noqa", False),
        ("# type: ignore", False),
        ("# type: ignore[misc]", False),
    ],
)
def test_what_counts_as_a_reason(comment: str, good: bool) -> None:
    assert SILENCE.search(comment)
    assert (REASON.search(comment) is not None) is good


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


def test_there_are_no_other_folders_at_the_top() -> None:
    folders = {path.partition("/")[0] for path in tracked() if "/" in path}

    assert {name for name in folders if not name.startswith(".")} == FOLDERS


def test_no_tracked_file_names_a_machines_folders() -> None:
    machine = re.compile(r"(/work/|/home/\w|/root/)")
    found = [
        f"{path}: {line.strip()}"
        for path in tracked()
        if not path.endswith((".txt", ".lock"))
        for line in (ROOT / path).read_text("utf-8").splitlines()
        if machine.search(line) and path != "tests/architecture/test_silences.py"
    ]

    assert found == []

"""Each guarantee of ARCHITECTURE is proved by tests that exist."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.code import ROOT, tree

SECTION = re.compile(r"^## What is guaranteed / what is not\n(.*?)^## ", re.M | re.S)
ROW = re.compile(r"^\| (G\d+) \| (.+?) \| (.+?) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
GUARANTEES = {
    *("G1", "G2", "G3", "G4", "G6", "G7", "G8", "G9", "G10", "G11", "G12"),
    *("G15", "G16", "G18"),
}


def section() -> str:
    found = SECTION.search((ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert found is not None
    return found[1]


def rows() -> dict[str, str]:
    return {number: proofs for number, _, proofs in ROW.findall(section())}


def names_in(path: Path) -> set[str]:
    """Return the names of the tests of a file."""
    return {
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_guarantee_has_a_row() -> None:
    assert set(rows()) == GUARANTEES


@pytest.mark.parametrize("number", sorted(GUARANTEES))
def test_a_guarantee_names_a_test(number: str) -> None:
    assert TEST.search(rows()[number]) is not None


@pytest.mark.parametrize(
    ("file", "name"), TEST.findall(section()), ids=lambda part: part
)
def test_a_named_test_exists(file: str, name: str) -> None:
    assert name in names_in(ROOT / file)

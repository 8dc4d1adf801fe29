"""What the page says of a scenario, and when a scenario counts as broken."""

from dataclasses import replace

import pytest

from tests.chaos.checker import Verdict
from tests.chaos.nemesis import Finding
from tests.chaos.page import page
from tests.chaos.table import SCENARIOS

WHOLE = Verdict(written=1000, delivered=1000)
FINDING = Finding(
    scenario=SCENARIOS["K1"],
    verdict=WHOLE,
    unknown=2,
    counted=0,
    kills=0,
    recovery=1.25,
    note="",
)
MUTANT = replace(FINDING, scenario=SCENARIOS["R5"])


@pytest.mark.parametrize(
    ("finding", "holds"),
    [
        pytest.param(FINDING, True, id="all arrived"),
        pytest.param(
            replace(FINDING, verdict=replace(WHOLE, duplicates=9)), True, id="twice"
        ),
        pytest.param(
            replace(FINDING, verdict=replace(WHOLE, lost=1)), False, id="lost"
        ),
        pytest.param(
            replace(FINDING, verdict=replace(WHOLE, phantom=1)), False, id="phantom"
        ),
        pytest.param(
            replace(FINDING, verdict=replace(WHOLE, reordered=1)), False, id="late"
        ),
        pytest.param(replace(FINDING, counted=1), False, id="an attempt was counted"),
        pytest.param(
            replace(FINDING, verdict=Verdict(written=0, delivered=0)),
            False,
            id="nobody wrote",
        ),
        pytest.param(MUTANT, False, id="the mutant was not caught"),
        pytest.param(
            replace(MUTANT, verdict=replace(WHOLE, reordered=1)),
            True,
            id="the mutant was caught",
        ),
    ],
)
def test_a_scenario_holds(finding: Finding, holds: bool) -> None:
    assert finding.holds is holds


def test_the_page_tells_every_figure_of_a_scenario() -> None:
    verdict = replace(WHOLE, duplicates=3, lost=4, phantom=5, reordered=6)
    told = replace(FINDING, verdict=verdict, kills=7, note="so it was")

    written = page([told], named={"Redis": "6.2"}, seed=8, seconds=9)

    sentence = SCENARIOS["K1"].sentence
    assert f"| K1 | {sentence} | 1,000 | 1,000 | 3 | 4 | 5 | 6 | 2 | 1.2 s |" in written
    assert "Relays were killed 7 times" in written
    assert "- K1: so it was." in written
    assert "Redis 6.2;" in written


def test_a_mutant_stands_apart() -> None:
    written = page([FINDING, MUTANT], named={}, seed=1, seconds=1)

    honest, _, mutants = written.partition("## Mutants that must be caught")
    assert "| K1 |" in honest
    assert "| R5 |" not in honest
    assert "| R5 |" in mutants

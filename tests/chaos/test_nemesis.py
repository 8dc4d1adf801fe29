"""A short form of `make chaos`: whatever breaks, nothing is lost, made up or reordered."""

from random import SystemRandom

import pytest

from tests.chaos.lab import Lab
from tests.chaos.nemesis import run
from tests.chaos.scenario import Extent
from tests.chaos.table import SCENARIOS

SHORT = Extent(seconds=2, kills=3)


@pytest.fixture
def seed() -> int:
    """What pytest prints when a test fails, to bring the same chance back."""
    return SystemRandom().randrange(10**6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["P3", "R1", "C2"])
def test_everything_arrives_in_order_although(lab: Lab, seed: int, name: str) -> None:
    finding = run(lab, SCENARIOS[name], extent=SHORT, seed=seed)

    assert finding.verdict.broken == (0, 0, 0), finding
    assert finding.verdict.delivered == finding.verdict.written > 0, finding
    assert finding.counted == 0, finding


@pytest.mark.slow
def test_what_kafka_has_though_its_answer_was_lost_is_not_there_twice(
    lab: Lab, seed: int
) -> None:
    finding = run(lab, SCENARIOS["K3"], extent=SHORT, seed=seed)

    assert finding.verdict.broken == (0, 0, 0), finding
    assert finding.verdict.duplicates == 0, finding


@pytest.mark.slow
def test_relays_that_claim_row_by_row_are_caught(lab: Lab, seed: int) -> None:
    finding = run(lab, SCENARIOS["R5"], extent=SHORT, seed=seed)

    assert finding.verdict.reordered > 0, finding

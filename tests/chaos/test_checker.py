"""The checker itself finds each fault, in logs that are made by hand."""

from pathlib import Path

import pytest

from tests.chaos.checker import Sighting, Verdict, judge
from tests.chaos.oracle import Oracle, OracleLog, Outcome, Write, read_oracle

FIRST, SECOND, THIRD = (Write(f"ada {number}", "ada", number) for number in (1, 2, 3))
UNDONE = Write("undone", "grace", 1)
OPEN = Write("open", "mallory", 1)
STORED = {"ada 1", "ada 2", "ada 3"}


@pytest.fixture
def oracle() -> Oracle:
    """Three committed, one rolled back, one whose writer died at the commit."""
    writes = (FIRST, SECOND, THIRD, UNDONE, OPEN)
    committed = dict.fromkeys(STORED, Outcome.ACKED)
    return Oracle(
        intents={write.event_id: write for write in writes},
        outcomes={**committed, "undone": Outcome.ROLLED_BACK},
    )


def seen(*writes: Write) -> list[Sighting]:
    return [Sighting(write, partition=0) for write in writes]


def test_what_arrived_once_and_in_order_is_fine(oracle: Oracle) -> None:
    verdict = judge(oracle, STORED, seen(FIRST, SECOND, THIRD))

    assert verdict == Verdict(written=3, delivered=3)


@pytest.mark.parametrize(
    ("log", "found"),
    [
        pytest.param(
            seen(FIRST, THIRD), Verdict(written=3, delivered=2, lost=1), id="lost"
        ),
        pytest.param(
            seen(FIRST, SECOND, THIRD, UNDONE),
            Verdict(written=3, delivered=3, phantom=1),
            id="rolled back",
        ),
        pytest.param(
            seen(FIRST, SECOND, THIRD, OPEN),
            Verdict(written=3, delivered=3, phantom=1),
            id="unknown and not stored",
        ),
        pytest.param(
            seen(FIRST, SECOND, THIRD, Write("nobody's", "ada", 4)),
            Verdict(written=3, delivered=3, phantom=1),
            id="never written",
        ),
        pytest.param(
            seen(FIRST, SECOND, Write("ada 3", "ada", 4)),
            Verdict(written=3, delivered=2, lost=1, phantom=1),
            id="changed",
        ),
        pytest.param(
            seen(FIRST, THIRD, SECOND),
            Verdict(written=3, delivered=3, reordered=1),
            id="reordered",
        ),
        pytest.param(
            [*seen(FIRST, SECOND), Sighting(THIRD, partition=1)],
            Verdict(written=3, delivered=3, reordered=1),
            id="in another partition",
        ),
        pytest.param(
            seen(FIRST, SECOND, FIRST, SECOND, THIRD),
            Verdict(written=3, delivered=3, duplicates=2),
            id="sent again",
        ),
    ],
)
def test_it_finds(oracle: Oracle, log: list[Sighting], found: Verdict) -> None:
    assert judge(oracle, STORED, log) == found


def test_two_changes_of_one_number_are_out_of_order(oracle: Oracle) -> None:
    twin = Write("twin", "ada", 3)
    oracle.intents["twin"], oracle.outcomes["twin"] = twin, Outcome.ACKED

    verdict = judge(oracle, {*STORED, "twin"}, seen(FIRST, SECOND, THIRD, twin))

    assert verdict == Verdict(written=4, delivered=4, reordered=1)


def test_an_unknown_outcome_that_is_stored_must_be_delivered(oracle: Oracle) -> None:
    stored = {*STORED, "open"}

    assert judge(oracle, stored, seen(FIRST, SECOND, THIRD)).lost == 1
    assert judge(oracle, stored, seen(FIRST, SECOND, THIRD, OPEN)).broken == (0, 0, 0)


def test_what_was_acknowledged_and_is_not_stored_is_lost(oracle: Oracle) -> None:
    verdict = judge(oracle, {"ada 1", "ada 2"}, seen(FIRST, SECOND, THIRD))

    assert verdict.lost == 1


def test_the_log_of_a_killed_writer_tells_what_it_intended(tmp_path: Path) -> None:
    path = tmp_path / "writer"
    log = OracleLog(path)
    for write in (FIRST, SECOND, UNDONE, OPEN):
        log.intend(write)
    log.tell([FIRST, SECOND], Outcome.ACKED)
    log.tell([UNDONE], Outcome.ROLLED_BACK)
    path.write_bytes(path.read_bytes() + b'["intent", "cut sho')

    oracle = read_oracle([path])

    assert oracle.of(Outcome.ACKED) == {"ada 1": FIRST, "ada 2": SECOND}
    assert oracle.of(Outcome.ROLLED_BACK) == {"undone": UNDONE}
    assert oracle.of(Outcome.UNKNOWN) == {"open": OPEN}

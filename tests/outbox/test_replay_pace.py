"""How many letters go at once, and when the next may."""

from dataclasses import dataclass, field

import pytest

from outbox.models import Replay
from outbox.replay import Selection, replay
from outbox.replay.pace import Pace
from tests.outbox.letters import store_letters


@dataclass
class Clock:
    """A clock that goes on while somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def pace_of(rate: float | None, clock: Clock) -> Pace:
    return Pace(rate, clock=clock, sleep=clock.sleep)


def test_turns_are_spread_evenly_and_none_are_made_up_for() -> None:
    clock = Clock()
    pace = pace_of(4.0, clock)

    for pause in (0, 0, 10, 0):
        clock.now += pause
        pace.wait()
        pace.took(1)

    assert clock.slept == [0.25, 0.25]


def test_turns_that_are_taken_at_once_are_waited_for_like_single_ones() -> None:
    clock = Clock()
    pace = pace_of(40.0, clock)

    for turns in (4, 4, 1, 1):
        pace.wait()
        pace.took(turns)

    assert clock.slept == pytest.approx([0.1, 0.1, 0.025])


def test_turns_that_were_not_taken_cost_no_time() -> None:
    clock = Clock()
    pace = pace_of(40.0, clock)

    pace.wait()
    pace.wait()

    assert clock.slept == []


@pytest.mark.parametrize(
    ("rate", "most"), [(0.5, 1), (19.0, 1), (50.0, 5), (1000.0, 100), (None, 200)]
)
def test_no_more_go_at_once_than_a_tenth_of_a_second_allows(
    rate: float | None, most: int
) -> None:
    clock = Clock()
    pace = pace_of(rate, clock)
    assert pace.at_once == min(most, 10)

    pace.wait()
    clock.now += 0.001
    pace.took(pace.at_once)

    assert pace.at_once == most


@pytest.mark.parametrize(
    ("seconds", "most"), [(0.01, 200), (0.1, 50), (2.0, 2), (9, 1)]
)
def test_no_more_go_at_once_than_take_half_a_second(seconds: float, most: int) -> None:
    clock = Clock()
    pace = pace_of(None, clock)

    pace.wait()
    clock.now += seconds
    pace.took(10)

    assert pace.at_once == most


@pytest.mark.django_db(transaction=True)
def test_an_operation_with_a_rate_takes_no_more_at_once_than_it_allows() -> None:
    store_letters(7)
    done: list[int] = []

    replay(
        selection=Selection(),
        action=Replay.Action.REPLAY,
        actor="grace@example.com",
        reason="the limit was raised",
        rate=30.0,
        limit=None,
        stop_on_failure_rate=None,
        on_progress=lambda progress: done.append(progress.done),
    )

    assert done == [0, 3, 6, 7]

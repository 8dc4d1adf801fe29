"""When a failing part is left alone, and how it comes back."""

from dataclasses import dataclass

import pytest

from gateway_proxy.core.breaker import Breaker, ConsecutiveFailures, FailureRatio


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(ConsecutiveFailures(3), open_for=1.0, clock=clock)


def ticket_of(breaker: Breaker) -> int:
    ticket = breaker.admit()
    assert ticket is not None
    return ticket


def break_it(breaker: Breaker) -> None:
    ticket = ticket_of(breaker)
    assert [breaker.failed(ticket) for _ in range(3)] == [False, False, True]


def test_admits_while_failures_are_fewer_than_the_limit(breaker: Breaker) -> None:
    ticket = ticket_of(breaker)

    breaker.failed(ticket)
    breaker.failed(ticket)

    assert breaker.admit() == ticket


def test_a_success_between_failures_starts_the_count_again(breaker: Breaker) -> None:
    ticket = ticket_of(breaker)

    breaker.failed(ticket)
    breaker.failed(ticket)
    breaker.succeeded(ticket)
    breaker.failed(ticket)

    assert breaker.admit() == ticket


def test_admits_nobody_while_it_is_open(breaker: Breaker, clock: Clock) -> None:
    break_it(breaker)

    clock.now += 0.75

    assert breaker.admit() is None
    assert breaker.rest() == 0.25


def test_admits_one_probe_after_the_rest(breaker: Breaker, clock: Clock) -> None:
    break_it(breaker)
    clock.now += 1

    assert breaker.admit() is not None
    assert breaker.admit() is None


def test_a_probe_that_succeeds_closes_it(breaker: Breaker, clock: Clock) -> None:
    break_it(breaker)
    clock.now += 1

    assert breaker.succeeded(ticket_of(breaker))

    assert breaker.admit() == breaker.admit() is not None
    assert breaker.rest() == 0


def test_a_probe_that_fails_keeps_it_open(breaker: Breaker, clock: Clock) -> None:
    break_it(breaker)
    clock.now += 1
    probe = ticket_of(breaker)

    clock.now += 0.5
    breaker.failed(probe)

    assert breaker.rest() == 1.0


def test_a_probe_that_never_reports_is_followed_by_another(
    breaker: Breaker, clock: Clock
) -> None:
    break_it(breaker)
    clock.now += 1
    ticket_of(breaker)

    clock.now += 1

    assert breaker.admit() is not None


def test_a_straggler_from_before_cannot_close_it(
    breaker: Breaker, clock: Clock
) -> None:
    straggler = ticket_of(breaker)
    break_it(breaker)

    assert not breaker.succeeded(straggler)

    assert breaker.admit() is None


def outcome(rule: FailureRatio, outcomes: str) -> bool:
    """Tell whether the last of some outcomes breaks the rule; x is a failure."""
    return [rule.is_broken_by(failed=sign == "x", now=0.0) for sign in outcomes][-1]


@pytest.mark.parametrize(
    ("outcomes", "broken"),
    [
        ("x" * 19, False),
        ("x" * 20, True),
        ("." * 10 + "x" * 10, True),
        ("." * 11 + "x" * 10, False),
        ("x" * 19 + ".", False),
    ],
)
def test_half_of_at_least_twenty_break_the_ratio(outcomes: str, broken: bool) -> None:
    rule = FailureRatio(window=10.0, minimum=20, ratio=0.5)

    assert outcome(rule, outcomes) is broken


def test_the_ratio_forgets_what_left_the_window() -> None:
    rule = FailureRatio(window=10.0, minimum=20, ratio=0.5)
    outcome(rule, "x" * 19)

    assert not rule.is_broken_by(failed=True, now=10.0)

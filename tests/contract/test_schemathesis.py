"""No request that can be made up is answered by what the description does not say."""

import os
from collections.abc import Callable
from functools import partial
from random import SystemRandom

import psycopg
import pytest

from tests.authorization.world import make_world
from tests.contract.fuzzers import ENTRIES, Fuzzer, Person, Program
from tests.contract.fuzzing import SECONDS, fuzz

WHO: dict[str, Callable[..., Fuzzer]] = {
    "nobody": Fuzzer,
    "a person": partial(Person, name="owner"),
    "an operator": partial(Person, name="operator"),
    "a program": Program,
}
# What part of the time each has; nobody is soon refused everything there is.
PART = {"nobody": 0.1, "a person": 0.4, "an operator": 0.3, "a program": 0.2}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
# It says so where an example is too long to be shown.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@pytest.mark.parametrize("who", WHO)
def test_every_answer_is_as_described(
    who: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = SystemRandom().getrandbits(32)
    fuzzer = WHO[who](make_world(), seed=seed)

    run = fuzz(fuzzer, seconds=SECONDS * PART[who], seed=seed)
    _write_to_disk()

    with capsys.disabled():
        print(f"\nAs {who}, with seed {seed}: {run.shown()}")  # noqa: T201 -- what was tried is worth seeing
    assert list(run.failures) == [], f"With seed {seed}: {run.shown()}"
    assert run.kept == []
    assert [each for each in run.succeeded if not fuzzer.may(ENTRIES[each])] == []
    # How far it comes is a matter of time.
    assert "examples" in run.phases
    if "coverage" in run.phases:
        # All was asked for once, so somebody was let through.
        needed = {ENTRIES[each].needs for each in run.succeeded}
        assert fuzzer.is_somebody == (needed != {"anybody"})


def _write_to_disk() -> None:
    # What was written at random would be so when the database is dropped, which has to
    # be quick.
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as own:
        own.execute("checkpoint")

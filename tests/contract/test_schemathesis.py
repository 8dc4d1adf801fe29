"""No request that can be made up is answered by what the description does not say."""

import os
from random import SystemRandom

import psycopg
import pytest

from tests.authorization.world import make_world
from tests.contract.fuzzers import Fuzzer
from tests.contract.fuzzing import SECONDS, fuzz

# Who asks, and what part of the time; nobody is soon refused everything there is.
WHO = {"nobody": None, "a person": "owner", "an operator": "operator"}
PART = {"nobody": 0.1, "a person": 0.5, "an operator": 0.4}


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
# It says so where an example is too long to be shown.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@pytest.mark.parametrize("who", WHO)
def test_every_answer_is_as_described(
    who: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = SystemRandom().getrandbits(32)
    fuzzer = Fuzzer(make_world(), WHO[who], seed=seed)

    run = fuzz(fuzzer, seconds=SECONDS * PART[who], seed=seed)
    _write_to_disk()

    with capsys.disabled():
        print(f"\nAs {who}, with seed {seed}: {run.shown()}")  # noqa: T201 -- what was tried is worth seeing
    assert list(run.failures) == []
    # How far it comes is a matter of time.
    assert "examples" in run.phases


def _write_to_disk() -> None:
    # What was written at random would be so when the database is dropped, which has to
    # be quick.
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as own:
        own.execute("checkpoint")

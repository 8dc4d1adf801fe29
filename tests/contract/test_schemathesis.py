"""No request that can be made up is answered by what the description does not say."""

import os
from collections.abc import Callable
from functools import partial
from random import SystemRandom

import psycopg
import pytest

from tests.authorization.world import make_world
from tests.contract.fuzzers import Fuzzer, Person, Program
from tests.contract.fuzzing import SECONDS, fuzz

WHO: dict[str, Callable[..., Fuzzer]] = {
    "nobody": Fuzzer,
    "a person": partial(Person, name="owner"),
    "an operator": partial(Person, name="operator"),
    "a program": Program,
}
# What each must have been let through to, or it would be nobody who asked.
LET_IN = {
    "nobody": "POST /v1/auth/otp",
    "a person": "GET /v1/users/me",
    "an operator": "GET /v1/ops/eventing/status",
    "a program": "GET /v1/orgs/{organization_id}",
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
    assert list(run.failures) == []
    assert run.kept == []
    assert LET_IN[who] in run.succeeded()
    # How far it comes is a matter of time.
    assert "examples" in run.phases


def _write_to_disk() -> None:
    # What was written at random would be so when the database is dropped, which has to
    # be quick.
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as own:
        own.execute("checkpoint")

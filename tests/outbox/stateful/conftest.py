"""Time that stands still, a stage, and a fresh seed that is told."""

import logging
import secrets
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from outbox import backlog
from tests.outbox.stateful.machine import OutboxMachine
from tests.outbox.stateful.stage import Stage

Run = Callable[..., None]
Say = Callable[[str], None]
FOREVER = timedelta(days=1)


@pytest.fixture
def stage(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(backlog, "wait_before", lambda _attempt: FOREVER)
    # Thousands of lines that nobody reads would take a fifth of the time.
    logging.disable(logging.CRITICAL)
    stage = Stage()
    with override_settings(OUTBOX_LANES=2, OUTBOX_LEASE=FOREVER):
        yield stage
    stage.store.empty()
    stage.close()
    logging.disable(logging.NOTSET)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Return what tells something on the terminal."""

    def say(line: str) -> None:
        with capsys.disabled():
            sys.stderr.write(f"\n{line}\n")

    return say


@pytest.fixture
def fresh_seed(pytestconfig: pytest.Config, say: Say) -> int:
    """Return a seed that nobody has seen, unless one is asked for by its option."""
    asked = pytestconfig.getoption("--hypothesis-seed")
    chosen = secrets.randbelow(2**32) if asked is None else int(asked)
    say(f"again with --hypothesis-seed={chosen}")
    return chosen


@pytest.fixture
def run(stage: Stage, fresh_seed: int) -> Run:
    """Return what runs the machine on so many examples."""

    def run(examples: int, phases: tuple[Phase, ...] = (Phase.generate,)) -> None:
        @seed(fresh_seed)
        class Machine(OutboxMachine):
            """The machine, from this seed."""

        Machine.stage = stage
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=30,
                phases=phases,
                derandomize=False,
                deadline=None,
                database=None,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )

    return run

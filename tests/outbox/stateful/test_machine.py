"""The outbox's promises hold however the steps of its parts are interleaved."""

import pytest
from hypothesis import Phase

from tests.outbox.stateful.conftest import Run, Say
from tests.outbox.stateful.mutants import MUTANTS, Mutant
from tests.outbox.stateful.promises import Violation
from tests.outbox.stateful.stage import Stage

EXAMPLES = 80
# Far more than any mutant has needed.
PATIENCE = 1000


def test_no_order_of_steps_breaks_a_promise(run: Run) -> None:
    run(examples=EXAMPLES)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_an_outbox_with_one_thing_wrong_is_caught(
    mutant: Mutant, run: Run, stage: Stage, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)

    with pytest.raises(Violation) as caught:
        run(examples=PATIENCE, phases=(Phase.generate,))

    say(f"{mutant.__name__}: {stage.examples} examples, {caught.value}")

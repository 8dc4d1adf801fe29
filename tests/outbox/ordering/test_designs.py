"""Which ways out of a table lose or reorder events, seen by who wrote them."""

from random import randrange

import pytest

from outbox.publishing import STRIPES, StoredEvent
from tests.outbox.ordering.conftest import Labs, Show
from tests.outbox.ordering.designs import (
    CURSOR,
    FLAG,
    OURS,
    SKIP_LOCKED,
    SNAPSHOTS,
    TRANSACTION_ID,
)
from tests.outbox.ordering.lab import (
    Deed,
    Design,
    Verdict,
    emit_and_lock_at_the_commit,
    emit_then_lock,
)

TRANSACTIONS = 1200
WRITTEN = 1164


@pytest.mark.parametrize(
    "design", [FLAG, SNAPSHOTS, OURS], ids=["flag", "snapshots", "ours"]
)
def test_a_sound_design_loses_and_reorders_nothing(
    design: Design, new_lab: Labs, show: Show
) -> None:
    verdict = new_lab(design).run(TRANSACTIONS)

    show(design.name, verdict)
    assert verdict == Verdict(written=WRITTEN, delivered=WRITTEN, lost=0, reordered=0)


@pytest.mark.parametrize(
    ("design", "fault"),
    [(CURSOR, "lost"), (SKIP_LOCKED, "reordered"), (TRANSACTION_ID, "reordered")],
    ids=["cursor", "skip locked", "transaction id"],
)
def test_a_broken_design_is_caught(
    design: Design, fault: str, new_lab: Labs, show: Show
) -> None:
    verdict = new_lab(design).run_until_caught(fault)

    show(design.name, verdict)
    assert fault in verdict.faults


@pytest.mark.parametrize(
    "deed", [emit_then_lock, emit_and_lock_at_the_commit], ids=["before", "at commit"]
)
def test_ours_keeps_the_order_of_what_is_locked_after_it_emitted(
    deed: Deed, new_lab: Labs, show: Show
) -> None:
    verdict = new_lab(OURS, deed).run(TRANSACTIONS)

    show(f"{OURS.name}, {deed.__name__}", verdict)
    assert verdict == Verdict(written=WRITTEN, delivered=WRITTEN, lost=0, reordered=0)


def test_an_event_that_is_written_before_the_lock_and_at_once_is_caught(
    new_lab: Labs, show: Show
) -> None:
    verdict = new_lab(FLAG, emit_then_lock).run_until_caught("reordered")

    show(f"{FLAG.name}, emit_then_lock", verdict)
    assert verdict.faults == {"reordered"}


def test_ours_without_the_lock_of_the_key_is_caught(
    new_lab: Labs, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = property(lambda _: randrange(STRIPES))  # noqa: S311 -- not a secret
    monkeypatch.setattr(StoredEvent, "stripe", elsewhere)

    verdict = new_lab(OURS, emit_and_lock_at_the_commit).run_until_caught("reordered")

    show(f"{OURS.name}, no lock of the key", verdict)
    assert verdict.faults == {"reordered"}

"""The lab's tables, and a line of its table for each design."""

import logging
import sys
from collections.abc import Callable, Iterator

import pytest
from django.test import override_settings

from tests.outbox.ordering.aggregates import create_tables, drop_tables
from tests.outbox.ordering.lab import Deed, Design, Lab, Verdict, lock_then_emit

Labs = Callable[..., Lab]
Show = Callable[[str, Verdict], None]


@pytest.fixture
def new_lab(transactional_db: None, caplog: pytest.LogCaptureFixture) -> Iterator[Labs]:
    # Lanes change hands so often that a failure would be hard to find.
    caplog.set_level(logging.WARNING, "outbox.relay")
    create_tables()
    labs: list[Lab] = []

    def new_lab(design: Design, deed: Deed = lock_then_emit) -> Lab:
        labs.append(Lab(design, deed))
        return labs[-1]

    # Few rows, so that the next batch is often read while the last one is sent.
    with override_settings(OUTBOX_BATCH_ROWS=10):
        yield new_lab
    for lab in labs:
        lab.close()
    drop_tables()


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """Return what says on the terminal what a design came to."""

    def show(name: str, verdict: Verdict) -> None:
        with capsys.disabled():
            sys.stderr.write(
                f"\n{name:<52} written {verdict.written:>5}"
                f"  delivered {verdict.delivered:>5}"
                f"  lost {verdict.lost:>4}  reordered {verdict.reordered:>4}\n"
            )

    return show

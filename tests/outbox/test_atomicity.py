"""An event is there if and only if its change is, however a transaction goes.

Programs of nested blocks are made up, each of which ends well or is undone, and the
outermost of which may lose its connection. Each change tells one event.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from django.db import Error as DatabaseError
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opencore.events.user.v1 import SessionRevoked
from outbox.envelope import from_bytes
from outbox.models import Counter, OutboxEvent
from outbox.publishing import emit
from tests.outbox.events import person

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The pool's own thread draws its pauses while Hypothesis draws programs.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module"),
]


class Undone(Exception):
    """The block is rolled back."""


@dataclass(frozen=True)
class Change:
    """One row that is written, and told of."""


@dataclass(frozen=True)
class Block:
    """Steps in a transaction or, inside of one, in a savepoint."""

    steps: "Sequence[Change | Block]"
    kept: bool


changes = st.just(Change())
blocks = st.recursive(
    st.builds(Block, st.lists(changes, max_size=3), st.booleans()),
    lambda inner: st.builds(
        Block, st.lists(changes | inner, min_size=1, max_size=4), st.booleans()
    ),
    max_leaves=8,
)


class Writer:
    """Runs blocks, and keeps a list of the changes that should have stayed."""

    def __init__(self) -> None:
        self._names = iter(range(1_000_000))

    def run(self, block: Block) -> list[str]:
        """Run the block in a transaction; return what stays."""
        written: list[str] = []
        try:
            with transaction.atomic():
                for step in block.steps:
                    written += self._take(step)
                if not block.kept:
                    raise Undone
        except Undone:
            return []
        return written

    def lose(self, block: Block) -> None:
        """Run the block, and lose the connection before the commit."""
        with pytest.raises(DatabaseError):
            self._run_until_the_end_of_the_session(block)
        connection.close()

    @transaction.atomic
    def _run_until_the_end_of_the_session(self, block: Block) -> None:
        self._take(Change())
        self._take(block)
        with connection.cursor() as cursor:
            cursor.execute("select pg_terminate_backend(pg_backend_pid())")

    def _take(self, step: Change | Block) -> list[str]:
        return self.run(step) if isinstance(step, Block) else [self._change()]

    def _change(self) -> str:
        name = str(next(self._names))
        Counter.objects.create(name=name, labels={}, value=0)
        emit(SessionRevoked(user_id=person("ada"), session_id=person("s"), reason=name))
        return name


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(programs=st.lists(blocks, min_size=1, max_size=4))
def test_there_are_exactly_the_events_whose_changes_stayed(
    programs: Sequence[Block],
) -> None:
    clear()
    writer = Writer()

    stayed = [name for block in programs for name in writer.run(block)]

    assert changed() == stayed
    assert told() == stayed


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lost=blocks, kept=blocks)
def test_a_connection_that_dies_before_the_commit_leaves_neither(
    lost: Block, kept: Block
) -> None:
    clear()
    writer = Writer()

    writer.lose(lost)
    stayed = writer.run(kept)

    assert changed() == stayed
    assert told() == stayed


def clear() -> None:
    Counter.objects.all().delete()
    OutboxEvent.objects.all().delete()


def changed() -> list[str]:
    """Return what was written, in the order of writing."""
    return list(Counter.objects.order_by("id").values_list("name", flat=True))


def told() -> list[str]:
    """Return what was told, in the order in which it will be sent."""
    rows = OutboxEvent.objects.order_by("id").values_list("payload", flat=True)
    return [str(from_bytes(bytes(row)).event.to_data()["reason"]) for row in rows]

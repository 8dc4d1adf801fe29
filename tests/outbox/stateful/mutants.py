"""The outbox with one thing wrong in it; each is a way in which outboxes are broken."""

import random
from collections.abc import Callable, Sequence
from types import ModuleType

import pytest

from outbox import backlog, watermark
from outbox.backlog import Backlog, WaitingEvent
from outbox.publishing import STRIPES, StoredEvent
from outbox.replay import letters
from outbox.watermark import LowWatermark

Mutant = Callable[[pytest.MonkeyPatch], None]


def marks_before_it_publishes(patch: pytest.MonkeyPatch) -> None:
    read = Backlog.due

    def due(
        self: Backlog, *, besides: Sequence[WaitingEvent] = ()
    ) -> list[WaitingEvent]:
        events = read(self, besides=besides)
        self.mark_delivered(events)
        return events

    patch.setattr(Backlog, "due", due)


def records_without_a_fence(patch: pytest.MonkeyPatch) -> None:
    fence = "f.lane = mine.lane and f.epoch = mine.epoch"
    for statement in ("DELIVERED", "FENCE"):
        _rewrite(patch, statement, fence, "f.lane = mine.lane")


def emits_without_the_lock_of_the_key(patch: pytest.MonkeyPatch) -> None:
    elsewhere = property(lambda _: random.randrange(STRIPES))  # noqa: S311 -- not a secret
    patch.setattr(StoredEvent, "stripe", elsewhere)


def reads_on_from_the_last_id(patch: pytest.MonkeyPatch) -> None:
    class LastId(LowWatermark):
        """Rises to what was sent, whoever may still be writing."""

        def of(self, lanes: list[int]) -> list[int]:  # type: ignore[override]  # -- as it is called
            row = self._connection.execute(
                "select coalesce(max(id), 0) from outbox_archive"
            ).fetchone()
            assert row is not None
            return [row[0]] * len(lanes)

    patch.setattr(backlog, "LowWatermark", LastId)


def raises_the_mark_past_writers(patch: pytest.MonkeyPatch) -> None:
    held = "locktype = 'advisory'"
    _rewrite(patch, "WRITERS", held, f"{held} and false", of=watermark)


def sends_what_is_held(patch: pytest.MonkeyPatch) -> None:
    waits = "h.event_id is distinct from w.event_id"
    for statement in ("DUE_SHARES", "DUE"):
        _rewrite(patch, statement, waits, "false")


def lets_others_pass_a_dead_letter(patch: pytest.MonkeyPatch) -> None:
    let_go = (
        "delete from outbox_hold where scope = %(scope)s"
        " and topic = %(topic)s and key = %(key)s"
    )
    patch.setattr(backlog, "HOLD_DEAD", let_go)


def deletes_all_up_to_what_was_sent(patch: pytest.MonkeyPatch) -> None:
    _rewrite(patch, "DELIVERED", "e.id = any(", "e.id <= any(")


def replays_under_a_new_id(patch: pytest.MonkeyPatch) -> None:
    _rewrite(patch, "PUT_BACK", "l.event_id", "gen_random_uuid()", of=letters)


MUTANTS: tuple[Mutant, ...] = (
    marks_before_it_publishes,
    records_without_a_fence,
    emits_without_the_lock_of_the_key,
    reads_on_from_the_last_id,
    raises_the_mark_past_writers,
    sends_what_is_held,
    lets_others_pass_a_dead_letter,
    deletes_all_up_to_what_was_sent,
    replays_under_a_new_id,
)


def _rewrite(
    patch: pytest.MonkeyPatch,
    statement: str,
    old: str,
    new: str,
    *,
    of: ModuleType = backlog,
) -> None:
    sql = getattr(of, statement)
    assert old in sql, f"{statement} is another one now"
    patch.setattr(of, statement, sql.replace(old, new))

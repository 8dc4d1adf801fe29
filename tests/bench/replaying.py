"""How quickly an operator's replay sends dead letters on again."""

import sys

from django.db import connection

from outbox.models import DeadLetter, Replay
from outbox.replay import Progress, Selection, replay
from tests.bench.figures import Result, Say, figure_of, timed
from tests.bench.samples import patient, values

WIDTH = 40
RATE = 1_000_000.0


def measure(*, letters: int, say: Say) -> Result:
    """Measure one operation over all letters, each of a key of its own."""
    _store(letters)
    say(f"replaying {letters:,} letters")
    bar = Bar(letters)

    def act() -> None:
        operation = replay(
            selection=Selection(scope="relay"),
            action=Replay.Action.REPLAY,
            actor="bench",
            reason="to see how long it takes",
            rate=RATE,
            limit=None,
            stop_on_failure_rate=None,
            on_progress=bar.show,
        )
        assert (operation.done, operation.refused) == (letters, 0)

    found = timed(letters, act)
    assert DeadLetter.objects.waiting().count() == 0
    with connection.cursor() as cursor:
        cursor.execute("truncate outbox_event, outbox_dead_letter")
    what = f"replay of {letters:,} dead letters"
    return Result([figure_of("replaying", what, [found], "letters/s")])


class Bar:
    """A progress bar that is drawn anew when another hundredth is done."""

    def __init__(self, planned: int) -> None:
        self._planned = planned
        self._shown = -1

    def show(self, progress: Progress) -> None:
        """Draw how far the operation is."""
        tried = progress.done + progress.refused
        percent = tried * 100 // max(self._planned, 1)
        if percent == self._shown:
            return
        self._shown = percent
        filled = "#" * (percent * WIDTH // 100)
        ending = "\n" if tried == self._planned else ""
        sys.stderr.write(f"\r[{filled:<{WIDTH}}] {percent:>3} % {ending}")
        sys.stderr.flush()


def _store(letters: int) -> None:
    with patient() as own:
        own.execute("truncate outbox_event, outbox_dead_letter")
        own.execute(STORE, {**values(), "letters": letters})
        own.execute("analyze outbox_dead_letter")


STORE = """
insert into outbox_dead_letter
    (id, scope, position, lane, event_id, type, topic, key, payload, occurred_at,
     attempts, reason, error, holds_key, state, resolved_by, resolved_reason,
     replay_count)
select gen_random_uuid(), 'relay', nextval('outbox_event_id_seq'), 0, event_id,
       %(type)s, %(topic)s, key::text,
       convert_to(
           replace(replace(%(template)s, %(event)s, event_id::text),
                   %(key)s, key::text), 'UTF8'),
       now(), 8, 'event', 'Broker: Message size too large', false, 'waiting', '', '', 0
from (select gen_random_uuid() as event_id, gen_random_uuid() as key
      from generate_series(1, %(letters)s)) as new
"""

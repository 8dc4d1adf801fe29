"""Many letters go in one transaction, and each fares as if it had gone alone."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from outbox import consuming, doorbell
from outbox.models import DeadLetter, OutboxEvent, Replay
from outbox.parking import LOCK_CLASS as MESSAGE_LOCKS
from outbox.publishing import LOCK_CLASS as EVENT_LOCKS
from outbox.publishing import lock_stripes, stripe_of
from outbox.replay import Selection, prepare, remaining
from outbox.replay.executing import run
from outbox.replay.remaining import Remaining
from tests.outbox.conftest import Together
from tests.outbox.handlers import Handlers
from tests.outbox.letters import outcome, replay_all, store_letters
from tests.outbox.mixtures import (
    EVENT,
    MESSAGE,
    MESSAGE_OF_ADA,
    REFUSED,
    SOUND,
    WITHOUT_HANDLERS,
    Kind,
    Mixture,
    outcome_in_rows,
)
from tests.outbox.plans import GRACE, begun

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The pool's own thread draws its pauses while Hypothesis draws mixtures.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module"),
]

DEADLINE = 30.0

# How many rows of each table the transaction wrote, for each.
TRANSACTIONS = """
select (select count(*) from outbox_dead_letter l where l.xmin = w.xmin),
       (select count(*) from outbox_event e where e.xmin = w.xmin),
       (select count(*) from outbox_replay_item i where i.xmin = w.xmin)
from (select distinct xmin::text::xid as xmin from outbox_event) as w
"""


@pytest.fixture(autouse=True)
def consumers(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(consuming._handlings, WITHOUT_HANDLERS, {})


@given(
    kinds=st.lists(st.sampled_from(SOUND), min_size=1, max_size=25)
    | st.lists(st.sampled_from(SOUND + REFUSED), min_size=1, max_size=25),
    action=st.sampled_from([Replay.Action.REPLAY, Replay.Action.DISCARD]),
    limit=st.sampled_from([None, None, 0.0, 0.3, 0.6]),
    most=st.sampled_from([2, 3, 7, 200]),
)
@example([*SOUND, *SOUND], Replay.Action.REPLAY, None, 200)
@example([*SOUND, *SOUND], Replay.Action.DISCARD, None, 200)
@example([*SOUND, *REFUSED], Replay.Action.REPLAY, None, 200)
@example([*SOUND, *REFUSED], Replay.Action.DISCARD, None, 200)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_many_at_once_leave_what_one_after_another_leaves(
    together: Together,
    kinds: Sequence[Kind],
    action: Replay.Action,
    limit: float | None,
    most: int,
) -> None:
    mixture = Mixture(kinds)

    together(1)
    one_by_one = decide(mixture, action, limit)
    together(most)
    at_once = decide(mixture, action, limit)

    assert at_once == one_by_one


def test_many_at_once_stop_at_the_letter_at_which_one_after_another_stop(
    together: Together,
) -> None:
    store_letters(20)
    first = DeadLetter.objects.order_by("key").values("id")[:5]
    DeadLetter.objects.filter(id__in=first).update(occurred_at=None)
    together(7)

    # Of twenty a quarter is refused, but half of those at which it is looked first.
    assert outcome(replay_all(stop_on_failure_rate=0.3)) == ("stopped", 20, 5, 5)


def test_letters_go_in_one_transaction_with_what_is_recorded_of_them() -> None:
    store_letters(5)

    replay_all()

    with connection.cursor() as cursor:
        cursor.execute(TRANSACTIONS)
        assert cursor.fetchall() == [(5, 5, 5)]


def test_a_chunk_costs_the_same_statements_whatever_it_holds() -> None:
    costs = []
    for count in (2, 9):
        DeadLetter.objects.all().delete()
        OutboxEvent.objects.all().delete()
        store_letters(count, held=False)
        said: list[str] = []
        with connection.execute_wrapper(Witness(said)):
            replay_all()
        costs.append(len(said))

    assert costs[0] == costs[1]


def test_one_that_is_refused_takes_nothing_from_those_beside_it() -> None:
    letters = store_letters(9)
    DeadLetter.objects.filter(id=letters[4].id).update(occurred_at=None)

    operation = replay_all()

    assert outcome(operation) == ("done", 9, 8, 1)
    assert operation.items.get(outcome="refused").letter_id == letters[4].id
    assert OutboxEvent.objects.count() == 8
    assert set(DeadLetter.objects.values_list("replay_count", flat=True)) == {0, 1}


def test_one_whose_row_can_not_be_written_takes_nothing_from_those_beside_it() -> None:
    mixture = Mixture([EVENT, *(kind for kind in REFUSED if kind.waits), EVENT])

    found = decide(mixture, Replay.Action.REPLAY, None)

    outcomes = sorted(item["outcome"] for item in found["items"])
    assert outcomes == ["done", "done", "refused"]
    assert len(found["events"]) == 3


def test_each_of_many_is_refused_with_its_own_reason() -> None:
    found = decide(Mixture(REFUSED), Replay.Action.REPLAY, None)

    told = {item["letter_id"]: item["detail"] for item in found["items"]}
    # What PostgreSQL and the reader of JSON add to it is theirs.
    reasons = [
        re.split(r": Expecting|\n", told[letter["id"]])[0]
        for letter in found["letters"]
    ]
    resolved = "It was discarded by ada@example.com at 2026-03-01 13:00:00 UTC."
    assert reasons == [
        resolved,
        "It died again since it was looked at; plan anew.",
        "It has no event id or no time.",
        "It has no place in the outbox.",
        'duplicate key value violates unique constraint "outbox_event_pkey"',
        resolved,
        "It has no place in Kafka's log.",
        "It still can't be read: Not JSON",
        "No app named 'gone' handles events.",
        "idle does not handle opencore.user.v1.user-created.",
    ]


def test_of_messages_of_a_key_that_nobody_held_the_first_goes_first() -> None:
    found = decide(Mixture([MESSAGE_OF_ADA] * 3), Replay.Action.REPLAY, None)

    (hold,) = found["holds"]
    assert hold["event_id"] == found["messages"][0]["event_id"]
    assert hold["resume_at"]
    assert [each["offset"] for each in found["messages"]] == [1, 2, 3]


def test_a_chunk_that_waits_for_a_key_keeps_no_writer_of_another_waiting(
    busy: Callable[[int], None],
) -> None:
    letters = sorted(store_letters(4), key=lambda letter: stripe_of(letter.key))
    busy(stripe_of(letters[-1].key))

    with ThreadPoolExecutor(1) as pool:
        replayed = pool.submit(replay_in_a_thread)
        wait_until(somebody_waits_for_a_key)
        with transaction.atomic():
            set_patience("500ms")
            for letter in letters[:-1]:
                lock_stripes([stripe_of(letter.key)])
        operation = replayed.result(timeout=DEADLINE)

    assert outcome(operation) == ("done", 4, 3, 1)
    refused = operation.items.get(outcome="refused")
    assert refused.letter_id == letters[-1].id
    assert refused.detail == "Its key is being worked on; try again."


def test_consumers_keys_are_locked_before_those_of_writers() -> None:
    said: list[str] = []
    Mixture([EVENT, MESSAGE]).store()

    with connection.execute_wrapper(Witness(said)):
        replay_all()

    locks = [each for each in said if "pg_advisory_xact_lock" in each]
    assert [str(MESSAGE_LOCKS) in each for each in locks] == [True, False]
    assert [str(EVENT_LOCKS) in each for each in locks] == [False, True]


def test_the_doorbell_rings_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rings: list[int] = []
    monkeypatch.setattr(doorbell, "ring", lambda: rings.append(1))
    store_letters(5)

    replay_all()

    assert rings == [1]


def test_many_letters_are_one_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    letters = store_letters(5)
    caplog.set_level(logging.INFO, "outbox")

    replay_all()

    (line,) = [each for each in caplog.records if "resolved" in each.getMessage()]
    assert (line.getMessage(), line.levelname) == ("letters resolved", "INFO")
    assert vars(line)["letters"] == len(letters)


def test_each_letter_has_a_line_where_details_are_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    letters = store_letters(5)
    caplog.set_level(logging.DEBUG, "outbox")

    replay_all()

    told = {
        vars(each)["letter_id"]: each.levelname
        for each in caplog.records
        if each.getMessage() == "letter resolved"
    }
    assert told == {str(letter.id): "DEBUG" for letter in letters}


def test_each_that_is_refused_has_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    letters = store_letters(5)
    DeadLetter.objects.filter(position__lte=2).update(occurred_at=None)

    replay_all()

    warned = [each for each in caplog.records if each.getMessage() == "letter refused"]
    assert [vars(each)["letter_id"] for each in warned] == [
        str(letter.id) for letter in letters[:2]
    ]


def test_items_are_read_a_portion_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remaining, "READ_AT_ONCE", 2)
    store_letters(5)
    operation = prepared(Replay.Action.REPLAY, None)
    left = Remaining(operation)

    taken = [[item.id for item in left.take(100)] for _ in range(4)]

    planned = list(operation.items.order_by("id").values_list("id", flat=True))
    assert taken == [planned[:2], planned[2:4], planned[4:], []]


def test_what_was_taken_apart_comes_before_the_rest_in_its_order() -> None:
    store_letters(50)
    operation = prepared(Replay.Action.REPLAY, None)
    left = Remaining(operation)

    left.take_apart(left.take(30))
    pieces = list(iter(lambda: left.take(100), []))

    assert [len(piece) for piece in pieces] == [3] * 10 + [20]
    planned = list(operation.items.order_by("id"))
    assert [item for piece in pieces for item in piece] == planned


class Witness:
    """Keeps all that is said to PostgreSQL, with its values."""

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def __call__(
        self,
        execute: Callable[..., object],
        sql: str,
        values: object,
        *rest: object,
    ) -> object:
        self._said.append(f"{sql} {values}")
        return execute(sql, values, *rest)


def prepared(action: Replay.Action, limit: float | None) -> Replay:
    return prepare(
        selection=Selection(),
        action=action,
        actor=GRACE,
        rate=None,
        limit=None,
        stop_on_failure_rate=limit,
    )


def decide(
    mixture: Mixture, action: Replay.Action, limit: float | None
) -> dict[str, list[dict[str, Any]]]:
    """Plan it, let go on what goes on, decide it; return what there is afterwards."""
    mixture.store()
    operation = prepared(action, limit)
    mixture.go_on()
    run(begun(operation), stop_on_failure_rate=limit)
    return outcome_in_rows()


@pytest.fixture
def busy() -> Iterator[Callable[[int], None]]:
    """Return a switch that lets somebody else work on the keys of a stripe."""
    other = connection.copy()
    other.connect()

    def work_on(stripe: int) -> None:
        with other.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s, %s)", [EVENT_LOCKS, stripe])

    yield work_on
    # Its session is to end, and with it the lock.
    other.connection.close()
    other.close()


def replay_in_a_thread() -> Replay:
    try:
        set_patience("2s", local=False)
        return replay_all()
    finally:
        connection.close()


def set_patience(time: str, *, local: bool = True) -> None:
    with connection.cursor() as cursor:
        cursor.execute("select set_config('lock_timeout', %s, %s)", [time, local])


def somebody_waits_for_a_key() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_locks where not granted and classid = %s",
            [EVENT_LOCKS],
        )
        return bool(cursor.fetchone() != (0,))


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = monotonic() + DEADLINE
    while not happened():
        assert monotonic() < deadline, "it did not happen"
        Event().wait(0.005)

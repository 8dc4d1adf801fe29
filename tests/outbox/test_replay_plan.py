"""What a plan says before anybody decides."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from opencore.ids import uuid7
from outbox.models import DeadLetter, Hold, OutboxEvent, Replay
from outbox.replay import LettersUnknown, Plan, Selection, plan
from tests.outbox.letters import replay_all, store_letters

pytestmark = pytest.mark.django_db(transaction=True)

USER = "opencore.user.v1.user-created"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def test_counts_by_type_scope_cause_and_key_and_changes_nothing() -> None:
    store_letters(3, failed_at=NEW_YEAR)
    DeadLetter.objects.filter(position=3).update(
        type="opencore.user.v1.session-revoked",
        key=DeadLetter.objects.get(position=2).key,
        error="no such topic",
        code=3,
    )
    before = list(DeadLetter.objects.order_by("id").values())

    planned = plan(selection=Selection(), limit=None)

    assert planned == Plan(
        letters=3,
        keys=2,
        resolved=0,
        oldest=NEW_YEAR,
        by_type={USER: 2, "opencore.user.v1.session-revoked": 1},
        by_scope={"relay": 3},
        by_cause={
            "event: message of # bytes is too large": 2,
            "event: no such topic": 1,
        },
        overtaken=0,
    )
    assert list(DeadLetter.objects.order_by("id").values()) == before
    assert (Replay.objects.count(), OutboxEvent.objects.count()) == (0, 0)


def test_says_nothing_of_what_is_not_there() -> None:
    assert plan(selection=Selection(), limit=None) == Plan(
        letters=0,
        keys=0,
        resolved=0,
        oldest=None,
        by_type={},
        by_scope={},
        by_cause={},
        overtaken=0,
    )


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({"scope": "relay"}, 2, id="scope"),
        pytest.param({"scope": "billing"}, 1, id="consumer"),
        pytest.param({"type": USER}, 2, id="type"),
        pytest.param({"topic": "opencore.org.v1"}, 1, id="topic"),
        pytest.param({"key": "ada"}, 1, id="key"),
        pytest.param({"reason_class": "unreadable"}, 1, id="reason class"),
        pytest.param(
            {"cause": "event: message of # bytes is too large"}, 2, id="cause"
        ),
        pytest.param({"since": NEW_YEAR}, 2, id="since is included"),
        pytest.param({"until": NEW_YEAR}, 1, id="until is not"),
        pytest.param({"scope": "relay", "type": "other"}, 1, id="both"),
        pytest.param({"key": "mallory"}, 0, id="nothing"),
    ],
)
def test_each_filter_narrows_the_selection(
    filters: dict[str, Any], expected: int
) -> None:
    store_letters(3, held=False, failed_at=NEW_YEAR)
    one, two = {"position": 1}, {"position": 2}
    DeadLetter.objects.filter(**one).update(
        scope="billing", topic="opencore.org.v1", failed_at=NEW_YEAR - timedelta(1)
    )
    DeadLetter.objects.filter(**two).update(
        type="other", key="ada", reason="unreadable"
    )

    assert plan(selection=Selection(**filters), limit=None).letters == expected


def test_a_limit_takes_the_first_in_the_order_of_replaying() -> None:
    store_letters(3)
    first = DeadLetter.objects.order_by("topic", "key").values_list("key", flat=True)

    planned = plan(selection=Selection(), limit=2)
    operation = replay_all(limit=2)

    assert (planned.letters, operation.planned) == (2, 2)
    assert set(OutboxEvent.objects.values_list("key", flat=True)) == set(first[:2])


def test_letters_that_are_named_though_resolved_are_counted_apart() -> None:
    letters = store_letters(2)
    replay_all(ids=[letters[0].id])

    planned = plan(
        selection=Selection(ids=tuple(one.id for one in letters)), limit=None
    )

    assert (planned.letters, planned.resolved) == (2, 1)


def test_refuses_an_unknown_id() -> None:
    with pytest.raises(LettersUnknown):
        plan(selection=Selection(ids=(uuid7(),)), limit=None)


def test_counts_a_letter_whose_key_went_on_without_it() -> None:
    store_letters(3, held=False)
    letter = DeadLetter.objects.get(position=1)
    _deliver(position=2, key=letter.key)

    assert plan(selection=Selection(), limit=None).overtaken == 1


def test_a_letter_that_holds_its_key_is_not_overtaken() -> None:
    store_letters(1)
    _deliver(position=2, key=DeadLetter.objects.get().key)

    assert plan(selection=Selection(), limit=None).overtaken == 0


def test_an_older_event_of_the_key_overtook_nobody() -> None:
    store_letters(2, held=False)
    _deliver(position=1, key=DeadLetter.objects.get(position=2).key)

    assert plan(selection=Selection(), limit=None).overtaken == 0


def test_a_consumers_letter_is_overtaken_by_events_told_later() -> None:
    store_letters(1, held=False)
    DeadLetter.objects.update(scope="billing", position=99)
    _deliver(position=2, key=DeadLetter.objects.get().key)

    assert plan(selection=Selection(), limit=None).overtaken == 1


def test_the_order_is_not_known_if_the_archive_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_letters(1, held=False)
    monkeypatch.setattr("outbox.replay.planning.PATIENCE", "1ms")
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into outbox_archive (id, lane, event_id, type, topic, key, payload,"
            " occurred_at, created_at, attempts, delivered_at)"
            " select n, 0, gen_random_uuid(), '', 'opencore.user.v1', n::text, '',"
            " now(), now(), 0, now() from generate_series(1, 100000) as n"
        )

    assert plan(selection=Selection(), limit=None).overtaken is None


def _deliver(*, position: int, key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into outbox_archive (id, lane, event_id, type, topic, key, payload,"
            " occurred_at, created_at, attempts, delivered_at)"
            " values (%s, 0, %s, %s, 'opencore.user.v1', %s, '', %s, %s, 0, %s)",
            [position, uuid7(), USER, key, *[timezone.now()] * 3],
        )
    assert Hold.objects.filter(event_id=None).count() == 0

"""The doctor finds what would hurt the outbox, and says what mends it."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from opencore.events import TOPICS
from outbox.doctor import Finding, examine, postgresql, topics
from outbox.kafka.topics import (
    KafkaUnreachable,
    TopicState,
    create_topics,
    describe_topics,
)
from outbox.models import OutboxEvent
from outbox.retention import maintain
from tests.outbox.conftest import Relays
from tests.outbox.events import tell_of

pytestmark = pytest.mark.django_db(transaction=True)

USERS = "opencore.user.v1"
WEEK = timedelta(days=7)


def state(**changes: Any) -> TopicState:
    """Return how a sound topic of three brokers is kept, but for these changes."""
    sound: dict[str, Any] = {
        "partitions": 6,
        "replicas": 3,
        "min_insync": 2,
        "retention": WEEK,
        "unclean_election": False,
    }
    return TopicState(**{**sound, **changes})


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, TopicState]:
    """The topics as the doctor sees them; a test may change them."""
    states = {topic: state() for topic in TOPICS}
    monkeypatch.setattr(topics, "describe_topics", lambda _topics: states)
    return states


def said(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.weight, finding.what) for finding in found]


def test_sound_topics_are_passed_over(kept: dict[str, TopicState]) -> None:
    assert list(topics.check_topics()) == []


def test_a_missing_topic_is_a_fault(kept: dict[str, TopicState]) -> None:
    del kept[USERS]

    (finding,) = topics.check_topics()

    assert finding == Finding(
        "fault",
        "topics",
        f"The topic {USERS} does not exist; its events wait.",
        "manage.py create_topics",
    )


@pytest.mark.parametrize(
    ("changes", "weight", "what"),
    [
        ({"unclean_election": True}, "fault", "may elect a leader that lacks"),
        ({"min_insync": 1}, "fault", "acknowledges what one broker alone has"),
        ({"replicas": 2, "min_insync": 1}, "caution", "has 2 replicas, not the 3"),
        ({"partitions": 5}, "caution", "has 5 partitions, not the 6"),
        ({"retention": None}, "caution", "keeps events for ever, the inbox remembers"),
        ({"retention": timedelta(days=91)}, "caution", "keeps events 91 days"),
    ],
    ids=["unclean", "one copy", "replicas", "partitions", "for ever", "longer"],
)
def test_a_topic_that_may_lose_or_repeat_is_named(
    kept: dict[str, TopicState],
    settings: Settings,
    changes: dict[str, Any],
    weight: str,
    what: str,
) -> None:
    settings.KAFKA_REPLICATION = 3
    kept[USERS] = state(**changes)

    (found,) = said(list(topics.check_topics()))

    assert found[0] == weight
    assert found[1].startswith(f"{USERS} {what}")


def test_a_kafka_that_does_not_answer_is_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_topics: object) -> None:
        raise KafkaUnreachable("refused")

    monkeypatch.setattr(topics, "describe_topics", refuse)

    assert said(list(topics.check_topics())) == [
        ("fault", "Kafka does not answer (refused); events wait.")
    ]


def test_the_topics_of_a_real_kafka_are_as_they_were_made() -> None:
    create_topics(TOPICS)

    assert describe_topics([USERS, "opencore.nobody.v1"]) == {
        USERS: state(replicas=1, min_insync=1)
    }


def test_a_server_that_forgets_commits_is_a_fault() -> None:
    # The server of the tests is one: its data is worth nothing.
    assert [found.what.split(" ")[0] for found in postgresql.check_durability()] == [
        "fsync",
        "full_page_writes",
    ]


def test_the_hot_table_is_made_as_the_doctor_wants_it() -> None:
    assert list(postgresql.check_autovacuum()) == []


def test_a_hot_table_that_is_not_cleared_away_is_named() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "alter table outbox_event reset (autovacuum_vacuum_cost_delay),"
            " set (autovacuum_vacuum_threshold = 50)"
        )
    try:
        (finding,) = postgresql.check_autovacuum()
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "alter table outbox_event set (autovacuum_vacuum_cost_delay = 0,"
                " autovacuum_vacuum_threshold = 5000)"
            )

    assert finding.remedy == (
        "alter table outbox_event set (autovacuum_vacuum_cost_delay = 0,"
        " autovacuum_vacuum_threshold = 5000)"
    )
    assert list(postgresql.check_autovacuum()) == []


def test_an_archive_that_nobody_maintains_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    maintain()
    assert list(postgresql.check_partitions()) == []

    later = timezone.now() + timedelta(days=400)
    monkeypatch.setattr("outbox.doctor.postgresql.timezone.now", lambda: later)

    (finding,) = postgresql.check_partitions()
    assert finding.what.startswith(
        f"The archive has no partition for {later.date()} and 7 days more"
    )


@pytest.mark.parametrize(
    ("skew", "found"), [(1, 0), (-1, 0), (60, 1), (-60, 1)], ids=str
)
def test_clocks_that_disagree_are_named(
    monkeypatch: pytest.MonkeyPatch, skew: int, found: int
) -> None:
    now = timezone.now
    monkeypatch.setattr(
        "outbox.doctor.postgresql.timezone.now",
        lambda: now() + timedelta(seconds=skew),
    )

    assert len(list(postgresql.check_clock())) == found


def snapshots_held() -> list[str]:
    found = postgresql.check_snapshots()
    return [finding.what.partition(" holds a snapshot")[0] for finding in found]


def test_a_forgotten_transaction_is_named(
    monkeypatch: pytest.MonkeyPatch,
    connect: Callable[[], "psycopg.Connection[Any]"],
) -> None:
    monkeypatch.setattr(postgresql, "OLDEST_SNAPSHOT", timedelta(0))
    forgotten = connect()
    forgotten.execute("begin isolation level repeatable read")
    forgotten.execute("select 1")

    mine = f"Session {forgotten.info.backend_pid} (test-relay, idle in transaction)"

    assert mine in snapshots_held()

    forgotten.execute("rollback")
    assert mine not in snapshots_held()


def test_lanes_without_a_relay_are_named(new_relay: Relays) -> None:
    (finding,) = postgresql.check_lanes()
    assert finding.what == "16 of 16 lanes have no relay at this moment."

    new_relay()

    assert list(postgresql.check_lanes()) == []


def test_events_beyond_the_lanes_are_a_fault(
    new_relay: Relays, settings: Settings
) -> None:
    tell_of("ada")
    lane = OutboxEvent.objects.get().lane
    settings.OUTBOX_LANES = lane or 1
    new_relay()

    found = said(list(postgresql.check_lanes()))

    assert found == [
        ("fault", f"Events wait in lanes [{lane}], beyond OUTBOX_LANES = {lane}.")
    ]


def test_faults_are_said_first_and_end_with_status_1(
    kept: dict[str, TopicState],
) -> None:
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("outbox_doctor", stdout=out)

    lines = out.getvalue().splitlines()
    assert ended.value.code == 1
    assert lines[0].startswith("fault   durability: fsync is off")
    assert lines[1].strip() == "Set fsync = on in PostgreSQL."
    assert lines[-1].startswith("2 faults, ")


def test_cautions_alone_are_no_failure(
    kept: dict[str, TopicState], monkeypatch: pytest.MonkeyPatch
) -> None:
    maintain()
    monkeypatch.setattr(
        "outbox.doctor.examining.CHECKS", (postgresql.check_lanes, topics.check_topics)
    )
    out = StringIO()

    call_command("outbox_doctor", "--json", stdout=out)

    (found,) = json.loads(out.getvalue())
    assert (found["weight"], found["check"]) == ("caution", "lanes")
    assert examine()[0].check == "lanes"

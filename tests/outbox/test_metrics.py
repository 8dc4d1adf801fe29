"""What `/metrics` says, to whom, and what survives the processes that it tells of."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError as DatabaseAway
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone
from psycopg.errors import OperationalError
from pytest_django import Settings

from opencore.checks import check_metrics_token
from opencore.events.user.v1 import UserCreated
from opencore.ids import uuid7
from outbox import consumer as consumer_module
from outbox import relay as relay_module
from outbox import running
from outbox.consumer import Consumer
from outbox.counting import Counts
from outbox.metrics.names import LATENCY, LATENCY_BOUNDS, METRICS
from outbox.models import (
    Counter,
    DeadLetter,
    Hold,
    Lane,
    ParkedMessage,
    Replay,
    TopicPause,
)
from outbox.running import Stop, run_relay
from tests.api import assert_problem
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of
from tests.outbox.fakes import KafkaSpy, LogSpy
from tests.outbox.letters import bury, message_of, replay_all, store_letters
from tests.scraping import TOKEN, Scrape, scrape

pytestmark = pytest.mark.django_db(transaction=True)

USER = "opencore.user.v1.user-created"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """What the parts of this test count, and no other test's."""
    counts = Counts()
    for module in (relay_module, consumer_module, running):
        monkeypatch.setattr(module, "counts", counts)
    return counts


def write_down(counts: Counts) -> None:
    with connection.cursor() as cursor:
        counts.flush(cursor.execute)


def exposed_families(found: Scrape) -> set[str]:
    """Return the outbox's metrics of a scrape, a histogram under its one name."""
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in of_the_outbox(found)}


def of_the_outbox(found: Scrape) -> Scrape:
    """Return what the page says of the outbox; others speak there, too."""
    return {
        name: samples
        for name, samples in found.items()
        if name.startswith(("outbox_", "inbox_", "replay_"))
    }


@pytest.mark.parametrize("profile", ["production", "test"])
def test_without_a_token_in_the_settings_there_is_no_page(
    client: Client, settings: Settings, profile: str
) -> None:
    settings.PROFILE, settings.METRICS_TOKEN = profile, ""

    assert_problem(client.get("/metrics", headers=BEARER), 404, "not_found")


def test_a_developer_needs_no_token(client: Client, settings: Settings) -> None:
    settings.PROFILE, settings.METRICS_TOKEN = "local", ""

    assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer other"}, id="another"),
        pytest.param({"Authorization": f"Basic {TOKEN}"}, id="another scheme"),
        pytest.param({"Authorization": f"Bearer {TOKEN[:-1]}"}, id="a part"),
        pytest.param({"Authorization": "Bearer é"}, id="no ASCII"),
    ],
)
def test_a_wrong_token_is_refused(
    client: Client, settings: Settings, headers: dict[str, str]
) -> None:
    settings.METRICS_TOKEN = TOKEN

    response = client.get("/metrics", headers=headers)

    assert_problem(response, 401, "token_invalid")
    assert response["WWW-Authenticate"] == "Bearer"


def test_the_page_is_read_and_never_written(client: Client) -> None:
    assert_problem(client.post("/metrics"), 405, "method_not_allowed")


def test_the_page_has_the_type_that_prometheus_asks_for(client: Client) -> None:
    with override_settings(METRICS_TOKEN=TOKEN):
        response = client.get("/metrics", headers=BEARER)

    assert response["Content-Type"].startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize(
    ("token", "found"),
    [("", []), ("short", ["opencore.E002"]), ("0123456789abcdef" * 2, [])],
)
def test_a_guessable_token_stops_a_deployment(
    settings: Settings, token: str, found: list[str]
) -> None:
    settings.METRICS_TOKEN = token

    assert [message.id for message in check_metrics_token(None)] == found


def test_exactly_the_metrics_of_the_list_are_exposed(counted: Counts) -> None:
    _make_every_label_appear()
    for metric in METRICS:
        counted.add(metric.name, 1, **dict.fromkeys(metric.labels, "x"))
    write_down(counted)

    assert exposed_families(scrape()) == {metric.name for metric in METRICS}


def test_a_name_is_given_once() -> None:
    names = [metric.name for metric in METRICS]

    assert sorted(set(names)) == sorted(names)


def test_a_quiet_outbox_says_so() -> None:
    found = scrape()

    assert found["outbox_up"] == {(): 1.0}
    assert found["outbox_pending"] == {(): 0.0}
    assert found["outbox_oldest_pending_age_seconds"] == {(): 0.0}
    assert found["outbox_published_total"] == {(): 0.0}
    assert "outbox_dead_letters" not in found


@override_settings(OUTBOX_LANES=4)
def test_tells_what_waits_and_how_many_lanes_nobody_serves() -> None:
    tell_of("ada")
    soon = timezone.now() + timedelta(minutes=1)
    Lane.objects.create(lane=0, owner="web-1:4711", lease_until=soon)

    found = scrape()

    assert found["outbox_pending"] == {(): 1.0}
    assert found["outbox_lanes_unleased"] == {(): 3.0}
    assert 0 < found["outbox_oldest_pending_age_seconds"][()] < 60


def test_tells_dead_letters_by_scope_type_and_reason() -> None:
    letters = store_letters(3)
    DeadLetter.objects.filter(position=1).update(scope="billing", reason="unreadable")
    replay_all(ids=[letters[2].id])

    assert scrape()["outbox_dead_letters"] == {
        (("reason", "unreadable"), ("scope", "billing"), ("type", USER)): 1.0,
        (("reason", "event"), ("scope", "relay"), ("type", USER)): 1.0,
    }


def test_tells_since_when_keys_topics_and_messages_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _make_every_label_appear()
    later = timezone.now() + timedelta(minutes=10)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)

    found = scrape()

    ages = {
        "outbox_held_longest_seconds": found["outbox_held_longest_seconds"],
        "inbox_parked_longest_seconds": found["inbox_parked_longest_seconds"],
        "outbox_topic_paused_seconds": found["outbox_topic_paused_seconds"],
    }
    assert {name: list(values) for name, values in ages.items()} == {
        "outbox_held_longest_seconds": [(("scope", "relay"),)],
        "inbox_parked_longest_seconds": [(("consumer", "billing"),)],
        "outbox_topic_paused_seconds": [(("topic", "opencore.user.v1"),)],
    }
    assert all(
        590 < value < 700 for values in ages.values() for value in values.values()
    )


def test_tells_what_replays_did_and_which_nobody_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_letters(3)
    DeadLetter.objects.filter(position=1).update(occurred_at=None)
    replay_all()
    Replay.objects.create(state="queued", background=True, planned=1)
    later = timezone.now() + timedelta(minutes=10)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)

    found = scrape()

    assert found["replay_events_total"] == {
        (("action", "replay"), ("outcome", "done")): 2.0,
        (("action", "replay"), ("outcome", "refused")): 1.0,
    }
    assert 590 < found["replay_unattended_seconds"][()] < 700


def test_tells_the_age_of_a_transaction_that_nobody_ends(
    open_transaction: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = timezone.now() + timedelta(hours=1)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)

    assert 3590 < scrape()["outbox_xmin_age_seconds"][()] < 3700


def test_a_relay_counts_what_it_sent_and_how_long_it_took(
    new_relay: Relays, kafka: KafkaSpy, counted: Counts
) -> None:
    tell_of("ada")
    tell_of("grace")

    new_relay().relay_batch()
    write_down(counted)

    found = scrape()
    assert found["outbox_published_total"] == {(): 2.0}
    assert found[f"{LATENCY}_count"] == {(): 2.0}
    assert found[f"{LATENCY}_bucket"][(("le", "+Inf"),)] == 2.0
    assert 0 < found[f"{LATENCY}_sum"][()] < 600


def test_an_old_event_that_is_replayed_was_not_slow(
    new_relay: Relays, counted: Counts
) -> None:
    store_letters(1)
    DeadLetter.objects.update(occurred_at=timezone.now() - timedelta(days=3))
    replay_all()

    new_relay().relay_batch()
    write_down(counted)

    assert 0 < scrape()[f"{LATENCY}_sum"][()] < 600


def test_a_relay_counts_attempts_by_what_came_of_them(
    new_relay: Relays, kafka: KafkaSpy, counted: Counts
) -> None:
    bury(new_relay(), kafka, "ada")
    write_down(counted)

    assert scrape()["outbox_attempts_total"] == {(("outcome", "dead"),): 1.0}


def test_a_relay_that_ends_leaves_its_counts_behind(
    transactional_db: None, kafka: KafkaSpy, counted: Counts
) -> None:
    tell_of("ada")
    stop = Stop()
    kafka.while_publishing = stop.ask

    run_relay(publisher=kafka, stop=stop)

    assert scrape()["outbox_published_total"] == {(): 1.0}


def test_counts_of_two_processes_are_added() -> None:
    for _ in range(2):
        mine = Counts()
        mine.add("outbox_published_total", 3)
        write_down(mine)

    assert scrape()["outbox_published_total"] == {(): 6.0}
    assert Counter.objects.count() == 1


def test_what_could_not_be_written_down_is_written_the_next_time() -> None:
    counts = Counts()
    counts.add("outbox_published_total", 3)

    with pytest.raises(OperationalError):
        counts.flush(_fail)
    write_down(counts)
    write_down(counts)

    assert scrape()["outbox_published_total"] == {(): 3.0}


def test_counts_are_written_down_every_five_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, written = [100.0], list[object]()
    monkeypatch.setattr("outbox.counting.monotonic", lambda: now[0])
    counts = Counts()
    counts.add("outbox_published_total")

    def execute(_sql: str, values: object) -> None:
        written.append(values)

    counts.flush_if_due(execute)
    now[0] = 105.0
    counts.flush_if_due(execute)
    counts.flush_if_due(execute)

    assert written == [[["outbox_published_total"], ["{}"], [1.0]]]


def test_latencies_fall_into_cumulated_buckets() -> None:
    counts = Counts()
    counts.observe_latencies([0.005, 0.2, 9999.0])
    write_down(counts)

    buckets = scrape()[f"{LATENCY}_bucket"]

    assert len(buckets) == len(LATENCY_BOUNDS)
    assert [buckets[(("le", bound),)] for bound in ("0.005", "0.1", "0.25")] == [
        1,
        1,
        2,
    ]
    assert (buckets[(("le", "300.0"),)], buckets[(("le", "+Inf"),)]) == (2.0, 3.0)


def test_a_consumer_counts_what_it_handled_and_what_came_again(
    counted: Counts,
) -> None:
    consumer = Consumer(
        consumer="billing", source=LogSpy(), stop=Stop(), worker="test-1"
    )
    event = UserCreated(user_id=person("ada"), email="ada@example.com")
    message = message_of(event, offset=1)

    consumer.accept(message)
    consumer.accept(message)
    write_down(counted)

    found = scrape()
    assert found["inbox_handled_total"] == {(("consumer", "billing"),): 1.0}
    assert found["inbox_duplicates_total"] == {(("consumer", "billing"),): 1.0}


def test_what_a_later_version_counts_is_passed_over() -> None:
    Counter.objects.create(name="outbox_of_tomorrow_total", labels={}, value=1)

    assert "outbox_of_tomorrow_total" not in scrape()


def test_without_the_database_the_page_says_that_it_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with connection.execute_wrapper(_database_is_away):
        found = scrape()

    assert of_the_outbox(found) == {"outbox_up": {(): 0.0}}


@pytest.fixture
def open_transaction(
    connect: Any,  # noqa: ANN401 -- as the fixture gives it
) -> Iterator[None]:
    """A transaction that somebody forgot."""
    other: psycopg.Connection[Any] = connect()
    other.execute("begin isolation level repeatable read")
    other.execute("select 1")
    yield
    other.execute("rollback")


def _make_every_label_appear() -> None:
    tell_of("ada")
    store_letters(1)
    replay_all()
    Hold.objects.get_or_create(
        scope="relay", topic="opencore.user.v1", key="ada", reason="audit"
    )
    DeadLetter.objects.bulk_create(
        [DeadLetter(scope="billing", attempts=1, payload=b"", partition=0, offset=1)]
    )
    TopicPause.objects.create(topic="opencore.user.v1", reason="not allowed")
    ParkedMessage.objects.create(
        consumer="billing", partition=0, offset=1, event_id=uuid7(), payload=b""
    )


def _fail(_sql: str, _values: object) -> None:
    raise OperationalError


def _database_is_away(*_args: object) -> None:
    raise DatabaseAway

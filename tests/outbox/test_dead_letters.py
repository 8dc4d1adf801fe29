"""A dead letter is all that its event was, with all that was tried, and it stays."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from pytest_django import Settings

from opencore.context import working_for
from outbox import watermark
from outbox.envelope import format_time
from outbox.models import Attempt, DeadLetter, OutboxEvent
from outbox.relay import Relay, Tally
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import TOO_LARGE, replay_all

KEPT = (
    *("lane", "event_id", "type", "topic", "key", "payload", "headers"),
    *("request_id", "occurred_at"),
)
EXTRA = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def looking_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "RESCAN", timedelta(seconds=-1))


@pytest.fixture
def relay(new_relay: Relays) -> Relay:
    return new_relay("relay-a")


@pytest.fixture
def before(relay: Relay, kafka: KafkaSpy) -> dict[str, Any]:
    """Give up an event with headers of its own; return the row that it was."""
    with working_for(request_id="request-1"):
        tell_of("mallory", email=TOO_LARGE)
    with connection.cursor() as cursor:
        # No event has any yet, and the trigger lets nobody add them.
        cursor.execute("set session_replication_role = replica")
        OutboxEvent.objects.update(headers=EXTRA)
        cursor.execute("set session_replication_role = origin")
    row: dict[str, Any] = {**OutboxEvent.objects.values().get()}
    kafka.largest = 1000
    for expected in (Tally(retried=1), Tally(retried=1), Tally(dead=1)):
        OutboxEvent.objects.update(available_at=None)
        with override_settings(OUTBOX_MAX_ATTEMPTS=3):
            assert relay.relay_batch() == expected
    kafka.largest = 1024 * 1024
    return row


def test_a_dead_letter_has_every_byte_and_header_of_its_event(
    before: dict[str, Any],
) -> None:
    letter: dict[str, Any] = {**DeadLetter.objects.values().get()}

    assert {name: letter[name] for name in KEPT} == {
        name: before[name] for name in KEPT
    }
    assert (letter["position"], letter["headers"]) == (before["id"], EXTRA)


def test_a_dead_letter_has_all_its_attempts(before: dict[str, Any]) -> None:
    attempts = Attempt.objects.order_by("number").values_list(
        "event_id", "scope", "number", "worker", "failure", "code", "message"
    )

    assert list(attempts) == [
        (before["event_id"], "relay", number, "relay-a", "event", 10, "too large")
        for number in (1, 2, 3)
    ]
    letter = DeadLetter.objects.get()
    assert (letter.attempts, letter.reason, letter.code, letter.error) == (
        *(3, "event", 10),
        "too large",
    )


def test_a_replayed_letter_is_sent_with_every_byte_and_header(
    before: dict[str, Any], relay: Relay, kafka: KafkaSpy
) -> None:
    replay_all()

    assert relay.relay_batch() == Tally(sent=1)

    (message,) = kafka.received
    key = str(person("mallory"))
    assert (message.topic, message.key) == ("opencore.user.v1", key)
    assert message.payload == before["payload"]
    assert dict(message.headers()) == {
        "content-type": b"application/cloudevents+json; charset=UTF-8",
        "ce_specversion": b"1.0",
        "ce_id": str(before["event_id"]).encode(),
        "ce_source": b"https://opencore.invalid/user",
        "ce_type": b"opencore.user.v1.user-created",
        "ce_subject": f"user/{key}".encode(),
        "ce_time": format_time(before["occurred_at"]).encode(),
        "ce_partitionkey": key.encode(),
        "ce_correlationid": b"request-1",
        **{name: value.encode() for name, value in EXTRA.items()},
    }


def test_no_age_and_no_maintenance_takes_a_letter_or_its_attempts(
    before: dict[str, Any], settings: Settings
) -> None:
    settings.OUTBOX_ARCHIVE_DAYS = settings.OUTBOX_INBOX_DAYS = 1
    DeadLetter.objects.update(failed_at=timezone.now() - 3650 * DAY)
    Attempt.objects.update(at=timezone.now() - 3650 * DAY)
    letters, attempts = rows_of(DeadLetter), rows_of(Attempt)

    call_command("outbox_maintain", stdout=StringIO())

    assert (rows_of(DeadLetter), rows_of(Attempt)) == (letters, attempts)
    assert (len(letters), len(attempts)) == (1, 3)


def rows_of(model: type[DeadLetter | Attempt]) -> list[dict[str, Any]]:
    return [{**row} for row in model._default_manager.order_by("pk").values()]

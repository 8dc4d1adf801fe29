"""What a consumer promises, with the log played by a spy."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from opencore.events.user.v1 import SessionRevoked
from outbox import consuming
from outbox.consumer import Consumer
from outbox.consuming import Place, current_place
from outbox.models import Attempt, DeadLetter, Hold, InboxEntry, ParkedMessage
from outbox.receiving import Received
from outbox.running import Stop
from tests.outbox.events import person
from tests.outbox.fakes import LogSpy
from tests.outbox.handlers import Handlers, created, id_of, offsets, session_ended

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_event_is_handled_once_however_often_it_comes(
    consumer: Consumer, handlers: Handlers
) -> None:
    message = created("ada")

    for _ in range(3):
        consumer.accept(replace(message, offset=next(offsets)))

    assert handlers.handled == [id_of(message)]
    assert InboxEntry.objects.count() == 1


def test_the_handler_works_for_the_request_and_because_of_the_event(
    consumer: Consumer, handlers: Handlers
) -> None:
    message = created("ada")

    consumer.accept(message)

    assert handlers.context == [("request-1", id_of(message))]


def place_of(message: Received) -> Place:
    return Place(message.topic, message.partition, message.offset)


def test_a_handler_knows_where_its_event_lies(
    consumer: Consumer, handlers: Handlers
) -> None:
    message = created("ada")

    consumer.accept(message)

    assert handlers.places == [place_of(message)]


def test_a_handler_knows_it_after_its_event_was_parked(
    consumer: Consumer, handlers: Handlers
) -> None:
    handlers.failing = {person("mallory")}
    message = created("mallory")
    consumer.accept(message)
    handlers.failing = set()

    Hold.objects.update(resume_at=timezone.now())
    consumer.retry_parked()

    assert handlers.places == [place_of(message)]


def test_outside_of_a_handler_there_is_no_such_place() -> None:
    with pytest.raises(LookupError):
        current_place()


def test_an_event_that_nobody_handles_is_passed_over(
    consumer: Consumer, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(consuming._handlings["tests"], SessionRevoked.type)

    consumer.accept(session_ended("ada"))

    assert (handlers.handled, InboxEntry.objects.count()) == ([], 0)


def test_a_failing_handler_leaves_no_trace_of_its_work_but_the_attempt(
    consumer: Consumer, handlers: Handlers
) -> None:
    handlers.failing = {person("mallory")}
    message = created("mallory")

    consumer.accept(message)

    assert InboxEntry.objects.count() == 0
    assert Attempt.objects.get().message == "ValueError: not today"
    assert ParkedMessage.objects.get().event_id == id_of(message)


def test_a_failing_handler_holds_only_its_own_key(
    consumer: Consumer, handlers: Handlers
) -> None:
    handlers.failing = {person("mallory")}
    first, second, other = created("mallory"), session_ended("mallory"), created("ada")

    for message in (first, second, other):
        consumer.accept(message)

    assert handlers.handled == [id_of(other)]
    parked = ParkedMessage.objects.order_by("id").values_list("event_id", flat=True)
    assert list(parked) == [id_of(first), id_of(second)]


def test_parked_events_are_handled_in_order_once_the_first_succeeds(
    consumer: Consumer, handlers: Handlers
) -> None:
    handlers.failing = {person("mallory")}
    messages = [created("mallory"), session_ended("mallory"), session_ended("mallory")]
    for message in messages:
        consumer.accept(message)
    handlers.failing = set()

    Hold.objects.update(resume_at=timezone.now())
    consumer.retry_parked()

    assert handlers.handled == [id_of(message) for message in messages]
    assert (ParkedMessage.objects.count(), Hold.objects.count()) == (0, 0)


def test_a_parked_event_is_not_tried_before_its_time(
    consumer: Consumer, handlers: Handlers
) -> None:
    handlers.failing = {person("mallory")}
    consumer.accept(created("mallory"))
    handlers.failing = set()
    Hold.objects.update(resume_at=timezone.now() + timedelta(hours=1))

    consumer.retry_parked()

    assert handlers.handled == []


@override_settings(OUTBOX_MAX_ATTEMPTS=2)
def test_an_event_becomes_a_dead_letter_after_its_last_attempt(
    consumer: Consumer, handlers: Handlers
) -> None:
    handlers.failing = {person("mallory")}
    message = created("mallory")
    consumer.accept(message)

    Hold.objects.update(resume_at=timezone.now())
    consumer.retry_parked()

    letter = DeadLetter.objects.get()
    assert (letter.scope, letter.event_id) == ("tests", id_of(message))
    assert bytes(letter.payload) == message.payload
    assert (letter.partition, letter.offset) == (message.partition, message.offset)
    assert letter.attempts == 2


@override_settings(OUTBOX_MAX_ATTEMPTS=2)
def test_later_events_wait_behind_a_dead_letter(
    consumer: Consumer, handlers: Handlers
) -> None:
    handlers.failing = {person("mallory")}
    consumer.accept(created("mallory"))
    Hold.objects.update(resume_at=timezone.now())
    consumer.retry_parked()
    handlers.failing = set()

    consumer.accept(session_ended("mallory"))
    consumer.retry_parked()

    assert handlers.handled == []
    assert ParkedMessage.objects.count() == 1


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"\xff\x00 no text", id="no text"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"specversion":"0.3"}', id="another version"),
        pytest.param(b'{"specversion":"1.0","type":"who.knows"}', id="unknown type"),
        pytest.param(
            b'{"specversion":"1.0","type":"opencore.user.v1.user-created",'
            b'"id":"0192f0c1-0000-7000-8000-000000000000","source":"s",'
            b'"time":"2026-01-01T00:00:00Z","data":{"user_id":7}}',
            id="data of another shape",
        ),
    ],
)
def test_an_unreadable_message_is_a_dead_letter_at_once_with_its_raw_bytes(
    consumer: Consumer, payload: bytes
) -> None:
    message = replace(created("ada"), payload=payload, key="k")

    consumer.accept(message)
    consumer.accept(message)

    letter = DeadLetter.objects.get()
    assert (bytes(letter.payload), letter.offset) == (payload, message.offset)
    assert letter.reason == "unreadable"
    assert letter.headers == message.printable_headers()


def test_an_outage_of_the_database_is_waited_out_and_costs_no_attempt(
    handlers: Handlers, log: LogSpy
) -> None:
    stop = Stop()
    log.messages = [created("ada")]
    log.on_empty = stop.ask
    handlers.away = 2

    Consumer(consumer="tests", source=log, stop=stop, worker="tests").run()

    assert len(handlers.handled) == 1
    assert (Attempt.objects.count(), ParkedMessage.objects.count()) == (0, 0)
    assert log.closed


def test_a_message_is_noted_as_done_only_after_its_effect(
    handlers: Handlers, log: LogSpy
) -> None:
    stop = Stop()
    message = created("ada")
    log.messages = [message]
    log.on_empty = stop.ask

    Consumer(consumer="tests", source=log, stop=stop, worker="tests").run()

    assert log.done_with == [message]
    assert handlers.handled == [id_of(message)]


def test_a_consumer_that_is_stopped_in_an_outage_leaves_its_message_to_the_next(
    handlers: Handlers, log: LogSpy
) -> None:
    stop = Stop()
    log.messages = [created("ada")]
    log.on_stay = stop.ask
    handlers.away = 1

    Consumer(consumer="tests", source=log, stop=stop, worker="tests").run()

    assert (handlers.handled, log.done_with) == ([], [])
    assert log.closed

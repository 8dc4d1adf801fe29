"""What a consumer promises when events of a partition share a transaction."""

import logging
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from opencore.events import Event
from opencore.events.user.v1 import SessionRevoked, UserCreated
from outbox import consuming
from outbox.consumer import Consumer
from outbox.models import Attempt, DeadLetter, Hold, InboxEntry, ParkedMessage
from outbox.receiving import Received
from outbox.running import Stop
from tests.outbox.events import person
from tests.outbox.fakes import LogSpy
from tests.outbox.handlers import Handlers, created, id_of, session_ended

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _allow(handlers: Handlers, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in UserCreated, SessionRevoked:
        change(monkeypatch, kind, in_batches=True)


def test_events_of_a_partition_share_a_transaction(
    consumer: Consumer, handlers: Handlers
) -> None:
    batch = [created("ada"), created("grace"), session_ended("ada")]

    assert consumer.accept_together(batch) is True

    assert handlers.handled == [id_of(message) for message in batch]
    assert len(set(handlers.transactions)) == 1
    assert InboxEntry.objects.count() == 3


def test_a_batch_is_one_line_of_the_log(
    consumer: Consumer, handlers: Handlers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "outbox.consumer")

    consumer.accept_together([created("ada"), created("grace")])

    (line,) = caplog.records
    assert (line.getMessage(), line.__dict__["events"]) == ("events handled", 2)
    assert len(handlers.handled) == 2


def test_each_handler_works_because_of_its_own_event(
    consumer: Consumer, handlers: Handlers
) -> None:
    batch = [created("ada"), created("grace")]

    consumer.accept_together(batch)

    causes = [causation_id for _, causation_id in handlers.context]
    assert causes == [id_of(message) for message in batch]


def test_a_handler_that_does_not_allow_it_is_given_each_event_alone(
    handlers: Handlers, log: LogSpy, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch, SessionRevoked, in_batches=False)
    batch = [created("ada"), session_ended("ada")]

    run(log, batch)

    assert handlers.handled == [id_of(message) for message in batch]
    assert len(set(handlers.transactions)) == 2


def test_partitions_do_not_share_a_transaction(handlers: Handlers, log: LogSpy) -> None:
    batch = [
        created("ada"),
        replace(created("grace"), partition=1),
        session_ended("ada"),
    ]

    run(log, batch)

    assert sorted(handlers.handled) == sorted(id_of(message) for message in batch)
    assert len(set(handlers.transactions)) == 2


def test_a_failing_handler_undoes_the_batch_which_then_goes_one_by_one(
    handlers: Handlers, log: LogSpy
) -> None:
    handlers.failing = {person("mallory")}
    batch = [created("ada"), created("mallory"), session_ended("mallory")]
    batch.append(created("grace"))

    run(log, batch)

    effects = set(InboxEntry.objects.values_list("event_id", flat=True))
    assert effects == {id_of(batch[0]), id_of(batch[3])}
    parked = ParkedMessage.objects.order_by("id").values_list("event_id", flat=True)
    assert list(parked) == [id_of(batch[1]), id_of(batch[2])]
    assert Attempt.objects.get().event_id == id_of(batch[1])
    assert log.done_with == batch


def test_events_behind_a_hold_are_parked_in_order_without_breaking_the_batch(
    consumer: Consumer, handlers: Handlers
) -> None:
    handlers.failing = {person("mallory")}
    consumer.accept(first := created("mallory"))
    batch = [session_ended("mallory"), created("ada"), session_ended("mallory")]

    assert consumer.accept_together(batch) is True

    assert handlers.handled == [id_of(batch[1])]
    parked = ParkedMessage.objects.order_by("id").values_list("event_id", flat=True)
    assert list(parked) == [id_of(first), id_of(batch[0]), id_of(batch[2])]


def test_parked_events_of_a_batch_are_handled_once_their_key_is_free(
    consumer: Consumer, handlers: Handlers
) -> None:
    handlers.failing = {person("mallory")}
    consumer.accept(first := created("mallory"))
    consumer.accept_together([second := session_ended("mallory"), created("ada")])
    handlers.failing, handlers.handled = set(), []

    Hold.objects.update(resume_at=timezone.now())
    consumer.retry_parked()

    assert handlers.handled == [id_of(first), id_of(second)]


def test_an_event_that_comes_twice_in_a_batch_is_handled_once(
    consumer: Consumer, handlers: Handlers
) -> None:
    message = created("ada")
    earlier = created("grace")
    consumer.accept(earlier)

    consumer.accept_together([message, message, earlier])

    assert handlers.handled == [id_of(earlier), id_of(message)]


def test_an_unreadable_message_is_set_aside_and_the_rest_is_handled(
    handlers: Handlers, log: LogSpy
) -> None:
    raw = replace(created("mallory"), payload=b"no event")
    batch = [created("ada"), raw, session_ended("ada")]

    run(log, batch)

    assert handlers.handled == [id_of(batch[0]), id_of(batch[2])]
    assert bytes(DeadLetter.objects.get().payload) == b"no event"


def test_what_nobody_handles_takes_part_in_no_transaction(
    consumer: Consumer, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(consuming._handlings["tests"], SessionRevoked.type)

    assert consumer.accept_together([session_ended("ada")] * 2) is True

    assert (handlers.handled, InboxEntry.objects.count()) == ([], 0)


def test_only_the_last_of_a_shared_transaction_is_noted(
    handlers: Handlers, log: LogSpy
) -> None:
    batch = [created("ada"), created("grace")]

    run(log, batch)

    assert log.done_with == [batch[-1]]


def test_an_outage_in_the_middle_of_a_batch_is_waited_out(
    handlers: Handlers, log: LogSpy
) -> None:
    handlers.away = 2
    batch = [created("ada"), created("grace")]

    run(log, batch)

    assert handlers.handled == [id_of(message) for message in batch]
    assert (Attempt.objects.count(), ParkedMessage.objects.count()) == (0, 0)


def change(monkeypatch: pytest.MonkeyPatch, kind: type[Event], **changes: Any) -> None:
    """Let the consumer handle events of the type in another way."""
    mine = consuming._handlings["tests"]
    monkeypatch.setitem(mine, kind.type, replace(mine[kind.type], **changes))


def run(log: LogSpy, batch: list[Received]) -> None:
    """Let a consumer run until the log is empty."""
    stop = Stop()
    log.messages = [*batch]
    log.on_empty = stop.ask
    Consumer(consumer="tests", source=log, stop=stop, worker="tests").run()

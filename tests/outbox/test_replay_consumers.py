"""What replaying and discarding a consumer's dead letters promises."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from django.utils import timezone

from opencore.events.user.v1 import SessionRevoked, UserCreated
from opencore.ids import uuid7
from outbox import consuming
from outbox.consumer import Consumer
from outbox.models import DeadLetter, Hold, InboxEntry, ParkedMessage, Replay
from outbox.receiving import Received
from outbox.running import Stop
from tests.outbox.events import person
from tests.outbox.fakes import LogSpy
from tests.outbox.handlers import handled_by
from tests.outbox.letters import bury_at_consumer, message_of, outcome, replay_all

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Handlers:
    """Two handlers that keep what they got; a switch makes the first fail."""

    fails: bool = True
    handled: list[UUID] = field(default_factory=list)

    def on_user(self, event: UserCreated, event_id: UUID) -> None:
        if self.fails:
            raise ValueError("not today")
        self.handled.append(event_id)

    def on_session(self, event: SessionRevoked, event_id: UUID) -> None:
        self.handled.append(event_id)


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    handlers = Handlers()
    monkeypatch.setitem(
        consuming._handlings,
        "tests",
        handled_by(
            {
                UserCreated.type: handlers.on_user,
                SessionRevoked.type: handlers.on_session,
            }
        ),
    )
    return handlers


@pytest.fixture
def consumer(handlers: Handlers) -> Consumer:
    return Consumer(consumer="tests", source=LogSpy(), stop=Stop(), worker="tests")


def created(offset: int, *, event_id: UUID | None = None) -> Received:
    event = UserCreated(user_id=person("ada"), email="ada@example.com")
    return message_of(event, offset=offset, event_id=event_id)


def session_ended(offset: int) -> Received:
    event = SessionRevoked(
        user_id=person("ada"), session_id=person("s"), reason="logout"
    )
    return message_of(event, offset=offset)


def test_a_replayed_message_is_handled_at_once_before_those_behind_it(
    consumer: Consumer, handlers: Handlers
) -> None:
    bury_at_consumer(consumer, created(1), session_ended(2), session_ended(3))
    dead = DeadLetter.objects.get()
    behind = ParkedMessage.objects.order_by("id").values_list("event_id", flat=True)
    expected = [dead.event_id, *behind]
    handlers.fails = False

    assert outcome(replay_all()) == ("done", 1, 1, 0)
    consumer.retry_parked()

    assert handlers.handled == expected
    assert (ParkedMessage.objects.count(), Hold.objects.count()) == (0, 0)


def test_a_replayed_message_has_every_byte_and_its_old_place(
    consumer: Consumer,
) -> None:
    consumer.accept(created(7))
    before = dict(ParkedMessage.objects.values().get())
    bury_at_consumer(consumer)

    replay_all()

    after = dict(ParkedMessage.objects.values().get())
    del before["parked_at"], after["parked_at"]
    assert after == before | {"attempts": 0}


def test_a_message_that_fails_again_is_a_waiting_letter_again(
    consumer: Consumer, handlers: Handlers
) -> None:
    bury_at_consumer(consumer, created(1))
    replay_all()

    bury_at_consumer(consumer)

    letter = DeadLetter.objects.get()
    assert (letter.state, letter.replay_count) == ("waiting", 1)


def test_a_replayed_message_that_kafka_told_of_again_is_handled_once(
    consumer: Consumer, handlers: Handlers
) -> None:
    message = created(1)
    bury_at_consumer(consumer, message)
    consumer.accept(message)
    handlers.fails = False

    assert outcome(replay_all()) == ("done", 1, 1, 0)
    consumer.retry_parked()

    assert len(handlers.handled) == 1
    assert InboxEntry.objects.count() == 1


def test_replaying_makes_the_hold_that_is_missing(
    consumer: Consumer, handlers: Handlers
) -> None:
    bury_at_consumer(consumer, created(1))
    Hold.objects.all().delete()

    replay_all()

    hold = Hold.objects.get()
    assert hold.event_id == DeadLetter.objects.get().event_id
    assert hold.resume_at is not None
    assert hold.resume_at <= timezone.now()


def test_replaying_leaves_a_hold_that_is_not_the_letters_own(
    consumer: Consumer, handlers: Handlers
) -> None:
    bury_at_consumer(consumer, created(1))
    Hold.objects.update(event_id=uuid7())

    replay_all()

    assert Hold.objects.get().resume_at is None


def test_discarding_lets_those_go_on_that_waited(
    consumer: Consumer, handlers: Handlers
) -> None:
    bury_at_consumer(consumer, created(1), session_ended(2))
    behind = ParkedMessage.objects.get().event_id

    assert outcome(replay_all(action=Replay.Action.DISCARD)) == ("done", 1, 1, 0)
    consumer.retry_parked()

    assert handlers.handled == [behind]


def test_a_message_that_can_be_read_by_now_is_handled(
    consumer: Consumer, handlers: Handlers
) -> None:
    message, event_id = created(1), uuid7()
    consumer.accept(_broken(message))
    readable = created(1, event_id=event_id).payload
    DeadLetter.objects.update(payload=readable)
    handlers.fails = False

    assert outcome(replay_all()) == ("done", 1, 1, 0)
    consumer.retry_parked()

    assert handlers.handled == [event_id]
    assert Hold.objects.count() == 0


def test_a_message_that_still_can_not_be_read_is_refused_and_waits_on(
    consumer: Consumer, handlers: Handlers
) -> None:
    consumer.accept(_broken(created(1)))

    operation = replay_all()

    assert outcome(operation) == ("done", 1, 0, 1)
    assert operation.items.get().detail.startswith("It still can't be read: Not JSON")
    assert DeadLetter.objects.waiting().count() == 1
    assert (ParkedMessage.objects.count(), Hold.objects.count()) == (0, 0)


def test_a_message_that_can_not_be_read_can_be_discarded(
    consumer: Consumer, handlers: Handlers
) -> None:
    consumer.accept(_broken(created(1)))

    assert outcome(replay_all(action=Replay.Action.DISCARD)) == ("done", 1, 1, 0)


def test_a_message_that_nobody_handles_any_more_is_refused(
    consumer: Consumer, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury_at_consumer(consumer, created(1))
    monkeypatch.delitem(consuming._handlings["tests"], UserCreated.type)

    operation = replay_all()

    assert operation.items.get().detail == f"tests does not handle {UserCreated.type}."
    assert DeadLetter.objects.waiting().count() == 1
    assert ParkedMessage.objects.count() == 0


def test_a_message_of_a_consumer_that_is_gone_is_refused(
    consumer: Consumer, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury_at_consumer(consumer, created(1))
    monkeypatch.delitem(consuming._handlings, "tests")

    operation = replay_all()

    assert operation.items.get().detail == "No app named 'tests' handles events."
    assert ParkedMessage.objects.count() == 0


def _broken(message: Received) -> Received:
    return Received(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        payload=b"{" + message.payload,
        headers=message.headers,
    )

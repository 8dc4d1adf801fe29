"""What a consumer promises to handlers that hear of many events at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from opencore.context import current_causation_id, current_request_id
from opencore.events import Event
from opencore.events.user.v1 import SessionRevoked, UserCreated
from outbox import consuming
from outbox.consumer import Consumer, Readable, in_groups
from outbox.consuming import (
    Handling,
    Heard,
    Place,
    current_place,
    handles_together,
    handlings_of,
)
from outbox.envelope import from_bytes
from outbox.models import Attempt, Hold, InboxEntry, ParkedMessage
from outbox.receiving import Received
from outbox.running import Stop
from tests.outbox.events import person
from tests.outbox.fakes import LogSpy
from tests.outbox.handlers import created, id_of, session_ended

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Together:
    """A handler of many that keeps what it got at once, and fails if it is told to."""

    calls: list[list[UUID]] = field(default_factory=list)
    failing: set[UUID] = field(default_factory=set)
    seen: list[tuple[Any, ...]] = field(default_factory=list)

    def handle(self, heard: Sequence[Heard[Event]]) -> None:
        """Keep what was heard."""
        self.calls.append([one.event_id for one in heard])
        for one in heard:
            before = current_request_id(), current_causation_id()
            with one.at_work():
                inside = current_request_id(), current_causation_id(), current_place()
            self.seen.append((before, inside))
            if one.event.key in self.failing:
                raise ValueError("not today")


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Together:
    together = Together()
    handling = Handling(name="together", handle=together.handle, in_batches=True)
    mine = {UserCreated.type: handling, SessionRevoked.type: handling}
    monkeypatch.setitem(consuming._handlings, "tests", mine)
    return together


@pytest.fixture
def consumer(together: Together) -> Consumer:
    return Consumer(consumer="tests", source=LogSpy(), stop=Stop(), worker="tests")


def ids(*messages: Received) -> list[UUID]:
    """Return the ids of the events that messages bring."""
    return [id_of(message) for message in messages]


def test_events_of_one_type_are_heard_of_together(
    consumer: Consumer, together: Together
) -> None:
    ada, grace = created("ada"), created("grace")
    logout = session_ended("ada")

    assert consumer.accept_together([ada, logout, grace]) is True

    assert together.calls == [ids(ada, grace), ids(logout)]
    assert InboxEntry.objects.count() == 3


def test_nothing_of_a_key_overtakes_what_came_before_it(
    consumer: Consumer, together: Together
) -> None:
    first, logout, again = created("ada"), session_ended("ada"), created("ada")

    consumer.accept_together([first, logout, again])

    assert together.calls == [ids(first), ids(logout), ids(again)]


def test_an_event_alone_is_heard_of_alone(
    consumer: Consumer, together: Together
) -> None:
    consumer.accept(message := created("ada"))

    assert together.calls == [ids(message)]


def test_an_event_that_comes_twice_is_heard_of_once(
    consumer: Consumer, together: Together
) -> None:
    ada, grace = created("ada"), created("grace")

    consumer.accept_together([ada, ada, grace])
    consumer.accept_together([grace, ada])

    assert together.calls == [ids(ada, grace)]


def test_a_handler_that_fails_hears_of_each_event_alone(together: Together) -> None:
    together.failing = {person("mallory")}
    log = LogSpy()
    log.messages = [created("ada"), created("mallory"), created("grace")]
    ada, mallory, grace = log.messages
    stop = Stop()
    log.on_empty = stop.ask

    Consumer(consumer="tests", source=log, stop=stop, worker="tests").run()

    alone = [ids(ada), ids(mallory), ids(grace)]
    assert together.calls == [ids(ada, mallory, grace), *alone]
    handled = set(InboxEntry.objects.values_list("event_id", flat=True))
    assert handled == set(ids(ada, grace))
    assert Attempt.objects.get().event_id == id_of(mallory)


def test_what_was_parked_is_heard_of_one_by_one(
    consumer: Consumer, together: Together
) -> None:
    together.failing = {person("mallory")}
    first, second = created("mallory"), created("mallory")
    consumer.accept(first)
    consumer.accept(second)
    together.failing, together.calls = set(), []

    Hold.objects.update(resume_at=timezone.now())
    consumer.retry_parked()

    assert together.calls == [ids(first), ids(second)]
    assert not ParkedMessage.objects.exists()


def test_what_happens_at_work_for_an_event_is_because_of_it(
    consumer: Consumer, together: Together
) -> None:
    batch = [created("ada"), created("grace")]

    consumer.accept_together(batch)

    nobody = (None, None)
    assert together.seen == [
        (
            nobody,
            (
                "request-1",
                id_of(each),
                Place(each.topic, each.partition, each.offset),
            ),
        )
        for each in batch
    ]


def test_an_app_has_one_handler_for_a_type(together: Together) -> None:
    with pytest.raises(consuming.HandlerTaken, match=UserCreated.type):
        handles_together(UserCreated)(lambda _heard: None)

    assert handlings_of("tests")[UserCreated.type].name == "together"


NAMES = st.sampled_from(["ada", "grace", "mallory"])
MAKERS = st.sampled_from([created, session_ended])


@given(told=st.lists(st.tuples(MAKERS, NAMES), max_size=30))
def test_groups_hold_all_events_in_the_order_of_their_keys(
    told: list[tuple[Any, str]],
) -> None:
    events = [readable(make(name)) for make, name in told]

    groups = in_groups(events)

    assert by_key(flat_of(groups)) == by_key(events)
    for group in groups:
        assert len({each.envelope.event.type for each in group}) == 1
    # None could have gone into the group before: events of its key are in between.
    types = [group[0].envelope.event.type for group in groups]
    for place, group in enumerate(groups):
        earlier = [at for at in range(place) if types[at] == types[place]]
        if earlier:
            between = flat_of(groups[earlier[-1] + 1 : place])
            assert {group[0].place} & {each.place for each in between}


def readable(message: Received) -> Readable:
    """Return a message with the event that it brings."""
    return Readable(message, from_bytes(message.payload))


def by_key(events: Sequence[Readable]) -> dict[str, list[UUID]]:
    """Return the events' ids in their order, by their keys."""
    found: dict[str, list[UUID]] = {}
    for each in events:
        found.setdefault(each.received.key, []).append(each.envelope.event_id)
    return found


def flat_of(groups: Sequence[Sequence[Readable]]) -> list[Readable]:
    """Return what the groups hold."""
    return [each for group in groups for each in group]

"""Every committed event can be accounted for, and every reason to wait has a record."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from opencore.events.auth.v1 import SignInCodeRequested
from outbox import watermark
from outbox.holding import hold_key
from outbox.models import (
    ArchivedEvent,
    Attempt,
    DeadLetter,
    Hold,
    OperatorAction,
    OutboxEvent,
    Replay,
    ReplayItem,
    TopicPause,
)
from outbox.publishing import emit
from outbox.relay import Relay, Tally
from outbox.releasing import release_key, resume_topic, skip_event
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import TOO_LARGE, bury, replay_all

TOPIC = "opencore.user.v1"
CODES = "opencore.auth.v1"
GRACE = {"actor": "grace@example.com", "reason": "looked into it"}
Places = dict[str, set[UUID]]


class World:
    """Events in every state in which one can be, told in the order of the lines."""

    def __init__(self, relay: Relay, kafka: KafkaSpy) -> None:
        self.relay = relay
        self.kafka = kafka
        self.delivered = [tell_of("ada"), tell_session_ended("ada")]
        assert relay.relay_batch() == Tally(sent=2)
        self.replayed = bury(relay, kafka, "joan")
        replay_all(ids=self.replayed)
        assert relay.relay_batch() == Tally(sent=1)
        self.discarded = bury(relay, kafka, "edsger")
        replay_all(ids=self.discarded, action=Replay.Action.DISCARD)
        self.skipped = [self._refuse("alan")]
        skip_event(scope="relay", topic=TOPIC, key=str(person("alan")), **GRACE)
        self.retried = [self._refuse("eve")]
        self.dead = bury(relay, kafka, "mallory")
        self.behind = [tell_session_ended("eve"), tell_session_ended("mallory")]
        self.paused = [self._pause()]
        hold_key(scope="relay", topic=TOPIC, key=str(person("grace")), **GRACE)
        self.held = [tell_of("grace")]
        kafka.up = False
        self.waiting = [tell_of("barbara")]
        assert relay.relay_batch() == Tally(waiting=1)

    def _refuse(self, name: str) -> UUID:
        event_id = tell_of(name, email=TOO_LARGE)
        largest, self.kafka.largest = self.kafka.largest, 1000
        assert self.relay.relay_batch() == Tally(retried=1)
        self.kafka.largest = largest
        later = timezone.now() + timedelta(hours=1)
        OutboxEvent.objects.filter(event_id=event_id).update(available_at=later)
        return event_id

    def _pause(self) -> UUID:
        self.kafka.refused_topics = {CODES}
        with transaction.atomic():
            event_id = emit(
                SignInCodeRequested(
                    challenge_id=person("challenge"),
                    email="ada@example.com",
                    sealed_code="sealed",
                    expires_at=timezone.now(),
                )
            )
        assert self.relay.relay_batch() == Tally(paused=1)
        TopicPause.objects.update(resume_at=timezone.now() + timedelta(hours=1))
        return event_id


@pytest.fixture
def world(new_relay: Relays, kafka: KafkaSpy, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(watermark, "RESCAN", timedelta(seconds=-1))
    return World(new_relay(), kafka)


def test_every_committed_event_is_in_exactly_one_place(world: World) -> None:
    found = places()

    assert found == {
        "delivered": {*world.delivered, *world.replayed},
        "in the outbox": {
            *(*world.retried, *world.behind, *world.paused, *world.held),
            *world.waiting,
        },
        "dead": {*world.dead},
        "given up": {*world.discarded, *world.skipped},
    }
    assert count_of_rows() == sum(len(ids) for ids in found.values()) == 12


def test_no_event_waits_or_is_given_up_without_a_record_of_why(world: World) -> None:
    records = reasons()

    assert records == {
        "tried in vain": {
            *(*world.replayed, *world.discarded, *world.skipped),
            *(*world.retried, *world.dead),
        },
        "behind another": {*world.behind},
        "behind a decision": {*world.held},
        "in a paused topic": {*world.paused},
        "decided by somebody": {*world.replayed, *world.discarded, *world.skipped},
    }
    assert set(OperatorAction.objects.values_list("actor", "reason")) == {
        (GRACE["actor"], GRACE["reason"])
    }


def test_when_every_cause_is_gone_all_are_delivered_but_those_given_up(
    world: World,
) -> None:
    world.kafka.up, world.kafka.refused_topics = True, set()
    replay_all()
    release_key(scope="relay", topic=TOPIC, key=str(person("grace")), **GRACE)
    resume_topic(topic=CODES, **GRACE)
    OutboxEvent.objects.update(available_at=None)

    sent = [world.relay.relay_batch().sent for _ in range(4)]

    assert (sum(sent), sent[-1]) == (7, 0)
    assert places() == {
        "delivered": {
            *(*world.delivered, *world.replayed, *world.retried, *world.dead),
            *(*world.behind, *world.paused, *world.held, *world.waiting),
        },
        "in the outbox": set(),
        "dead": set(),
        "given up": {*world.discarded, *world.skipped},
    }
    assert (Hold.objects.count(), TopicPause.objects.count()) == (0, 0)


def places() -> Places:
    """Return where the events are, replayed letters aside, which are elsewhere, too."""
    letters = DeadLetter.objects
    return {
        "delivered": ids(ArchivedEvent.objects.values_list("event_id", flat=True)),
        "in the outbox": ids(OutboxEvent.objects.values_list("event_id", flat=True)),
        "dead": ids(letters.waiting().values_list("event_id", flat=True)),
        "given up": ids(
            letters.filter(state="discarded").values_list("event_id", flat=True)
        ),
    }


def count_of_rows() -> int:
    """Return how many rows there are, so that no event is in a place twice."""
    letters = DeadLetter.objects.exclude(state="replayed")
    return ArchivedEvent.objects.count() + OutboxEvent.objects.count() + letters.count()


def reasons() -> Places:
    """Return of which events the tables say why they wait, or were decided."""
    waiting = OutboxEvent.objects.values_list("event_id", "topic", "key")
    behind = {
        (hold.topic, hold.key): hold
        for hold in Hold.objects.filter(event_id__isnull=False)
    }
    decided = dict(
        Hold.objects.filter(event_id=None).values_list("key", "held_by").distinct()
    )
    letters = dict(DeadLetter.objects.values_list("id", "event_id"))
    items = ReplayItem.objects.filter(outcome=ReplayItem.Outcome.DONE)
    paused = set(TopicPause.objects.values_list("topic", flat=True))
    return {
        "tried in vain": ids(Attempt.objects.values_list("event_id", flat=True)),
        "behind another": {
            event_id
            for event_id, topic, key in waiting
            if (topic, key) in behind and behind[topic, key].event_id != event_id
        },
        "behind a decision": {
            event_id for event_id, _, key in waiting if key in decided
        },
        "in a paused topic": {
            event_id for event_id, topic, _ in waiting if topic in paused
        },
        "decided by somebody": ids(
            [
                *(letters[item.letter_id] for item in items),
                *OperatorAction.objects.filter(
                    action=OperatorAction.Action.SKIP_EVENT
                ).values_list("event_id", flat=True),
            ]
        ),
    }


def ids(found: Iterable[UUID | None]) -> set[UUID]:
    return {event_id for event_id in found if event_id is not None}

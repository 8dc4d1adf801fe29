"""Each alert of the outbox is fired by what it warns of."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import override_settings
from django.utils import timezone

from opencore.ids import uuid7
from outbox.models import Hold, Lane, ParkedMessage, Replay, TopicPause
from tests.alerts import holds, rules_of
from tests.outbox.events import tell_of
from tests.outbox.letters import store_letters
from tests.scraping import scrape

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = "opencore.user.v1"
RULES = rules_of("outbox")


@dataclass
class World:
    """A system that is well until something is done to it."""

    connect: "Callable[[], psycopg.Connection[Any]]"
    patch: pytest.MonkeyPatch
    stack: ExitStack = field(default_factory=ExitStack)

    def pass_time(self, **much: float) -> None:
        later = timezone.now() + timedelta(**much)
        self.patch.setattr("django.utils.timezone.now", lambda: later)

    def lose_database(self) -> None:
        self.stack.enter_context(connection.execute_wrapper(_refuse))

    def wait_with_an_event(self) -> None:
        tell_of("ada")
        self.pass_time(seconds=90)

    def lose_a_relay(self) -> None:
        Lane.objects.filter(lane=3).update(owner="")

    def fill(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into outbox_event"
                " (lane, event_id, type, topic, key, payload, occurred_at)"
                " select 0, gen_random_uuid(), '', '', '', '', now()"
                " from generate_series(1, 100001)"
            )

    def lessen_lanes(self) -> None:
        for name in ("ada", "grace", "hopper", "lovelace"):
            tell_of(name)
        self.stack.enter_context(override_settings(OUTBOX_LANES=1))

    def bury_a_letter(self) -> None:
        store_letters(1)

    def hold_a_key(self) -> None:
        Hold.objects.create(scope="relay", topic=TOPIC, key="ada", reason="audit")
        self.pass_time(hours=1, seconds=10)

    def pause_a_topic(self) -> None:
        TopicPause.objects.create(topic=TOPIC, reason="not allowed")
        self.pass_time(seconds=90)

    def forget_a_transaction(self) -> None:
        other = self.connect()
        other.execute("begin isolation level repeatable read")
        other.execute("select 1")
        self.stack.callback(other.execute, "rollback")
        self.pass_time(minutes=16)

    def park_a_message(self) -> None:
        ParkedMessage.objects.create(
            consumer="billing", partition=0, offset=1, event_id=uuid7(), payload=b""
        )
        self.pass_time(minutes=11)

    def decide_without_workers(self) -> None:
        Replay.objects.create(state="queued", background=True, planned=1)
        self.pass_time(seconds=90)


CAUSES: dict[str, Callable[[World], None]] = {
    "OutboxDatabaseAway": World.lose_database,
    "OutboxEventsWait": World.wait_with_an_event,
    "OutboxLanesUnleased": World.lose_a_relay,
    "OutboxBacklog": World.fill,
    "OutboxStrayLanes": World.lessen_lanes,
    "OutboxDeadLetters": World.bury_a_letter,
    "OutboxKeyHeldForLong": World.hold_a_key,
    "OutboxTopicPaused": World.pause_a_topic,
    "OutboxOldTransaction": World.forget_a_transaction,
    "InboxParked": World.park_a_message,
    "ReplayUnattended": World.decide_without_workers,
}


@pytest.fixture
def world(
    connect: "Callable[[], psycopg.Connection[Any]]", monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    tomorrow = timezone.now() + timedelta(days=1)
    Lane.objects.bulk_create(
        Lane(lane=lane, owner="web-1:4711", lease_until=tomorrow)
        for lane in range(settings.OUTBOX_LANES)
    )
    world = World(connect, monkeypatch)
    with world.stack:
        yield world


def firing() -> set[str]:
    """Return the alerts whose expressions hold for what `/metrics` says now."""
    found = scrape()
    return {name for name, rule in RULES.items() if holds(rule["expr"], found)}


def test_a_system_that_is_well_wakes_nobody(world: World) -> None:
    assert firing() == set()


@pytest.mark.parametrize("name", RULES)
def test_an_alert_is_fired_by_what_it_warns_of(world: World, name: str) -> None:
    before = firing()

    CAUSES[name](world)

    assert name not in before
    assert name in firing()


def test_nothing_is_tried_that_is_no_alert() -> None:
    assert set(CAUSES) == set(RULES)


def _refuse(*_args: object) -> None:
    raise OperationalError

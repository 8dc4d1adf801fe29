"""What others notice of an event that can't be sent, or of a crowd: nothing."""

from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.test import override_settings
from django.utils import timezone

from outbox.models import ArchivedEvent, Hold, OutboxEvent
from outbox.publishing import lane_of
from outbox.relay import Tally
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import TOO_LARGE, bury


@override_settings(OUTBOX_LANES=1)
def test_while_a_poisoned_event_waits_other_keys_of_its_lane_and_topic_go_on(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    relay, kafka.largest = new_relay(), 1000
    tell_of("mallory", email=TOO_LARGE)
    assert relay.relay_batch() == Tally(retried=1)
    OutboxEvent.objects.update(available_at=timezone.now() + timedelta(hours=1))

    tell_session_ended("mallory")
    told = [tell_of("ada"), tell_session_ended("ada"), tell_of("grace")]

    assert relay.relay_batch() == Tally(sent=3)
    assert [envelope.event_id for envelope in kafka.envelopes] == told
    assert Hold.objects.get().key == str(person("mallory"))


@override_settings(OUTBOX_LANES=1)
def test_behind_a_dead_letter_only_its_own_key_waits(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    relay = new_relay()
    bury(relay, kafka, "mallory")

    tell_session_ended("mallory")
    told = [tell_of("ada"), tell_session_ended("ada")]

    assert relay.relay_batch() == Tally(sent=2)
    assert [envelope.event_id for envelope in kafka.envelopes] == told


@override_settings(OUTBOX_LANES=2, OUTBOX_BATCH_ROWS=10)
def test_a_lane_with_a_large_backlog_leaves_the_other_its_share_of_every_batch(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    relay = new_relay()
    crowded = lane_of(str(person("mallory")))
    other: list[UUID] = []
    for _ in range(40):
        tell_session_ended("mallory")
    for number in range(40):
        if lane_of(str(person(str(number)))) != crowded and len(other) < 3:
            other.append(tell_of(str(number)))

    # The first read asks for shares alone; the next ones for what they leave, too.
    assert [relay.relay_batch().sent for _ in range(6)] == [8, 10, 10, 10, 5, 0]

    first = [envelope.event_id for envelope in kafka.envelopes[:8]]
    assert [event_id for event_id in first if event_id in other] == other


@override_settings(OUTBOX_LANES=4, OUTBOX_BATCH_ROWS=20)
def test_where_all_lanes_wait_a_batch_is_what_was_written_together(
    new_relay: Relays,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(ONE_LANE_AFTER_ANOTHER)
    written = OutboxEvent.objects.order_by("id").values_list("id", flat=True)
    oldest = list(written[:20])

    assert new_relay().relay_batch() == Tally(sent=20)

    gone = ArchivedEvent.objects.order_by("id").values_list("id", flat=True)
    assert list(gone) == oldest


ONE_LANE_AFTER_ANOTHER = """
insert into outbox_event (lane, event_id, type, topic, key, payload, occurred_at)
select n % 4, gen_random_uuid(), 'opencore.user.v1.user-created',
       'opencore.user.v1', n::text, 'x', now()
from generate_series(1, 80) as n
"""

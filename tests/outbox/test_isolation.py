"""What others notice of an event that can't be sent: nothing."""

from datetime import timedelta

from django.test import override_settings
from django.utils import timezone

from outbox.models import Hold, OutboxEvent
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

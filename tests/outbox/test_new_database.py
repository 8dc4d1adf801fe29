"""What holds before the first event of a new database, and right after it."""

from datetime import timedelta

import pytest
from django.db import connection

from outbox import watermark
from outbox.relay import Tally
from tests.outbox.conftest import Relays
from tests.outbox.events import tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy


def test_the_first_two_events_of_a_new_database_are_sent_in_their_order(
    new_relay: Relays, kafka: KafkaSpy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watermark, "RESCAN", timedelta(seconds=-1))
    with connection.cursor() as cursor:
        cursor.execute("alter sequence outbox_event_id_seq restart with 1")
    relay = new_relay()
    for _ in range(3):
        assert relay.relay_batch() == Tally()
    monkeypatch.setattr(watermark, "RESCAN", timedelta(hours=1))

    told = [tell_of("ada"), tell_session_ended("ada")]
    relay.relay_batch()

    assert [envelope.event_id for envelope in kafka.envelopes] == told

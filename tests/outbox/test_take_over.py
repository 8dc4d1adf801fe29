"""Who takes over from a relay that hangs or dies, when, and what becomes of its work.

When a lease has run out, the database's clock says; the lease here is a short one.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from outbox.backlog import Backlog
from outbox.leases import LaneLost, Leases
from outbox.models import ArchivedEvent, Lane, OutboxEvent
from outbox.relay import Tally
from tests.outbox.conftest import Relays
from tests.outbox.events import tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy

SHORT = timedelta(milliseconds=400)
DEADLINE = 30.0


def test_a_relay_that_hangs_is_replaced_when_its_lease_has_run_out(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    with override_settings(OUTBOX_LEASE=SHORT):
        new_relay("hung, but connected")
        told = [tell_of("ada"), tell_session_ended("ada")]
        heir = new_relay("heir")

        wait_until(leases_have_run_out)

        assert heir.take_lanes() is True
        assert heir.relay_batch() == Tally(sent=2)
    assert [envelope.event_id for envelope in kafka.envelopes] == told


def test_a_relay_that_renews_its_lease_is_not_replaced(new_relay: Relays) -> None:
    first, second = new_relay("first"), new_relay("second")
    epochs = list(Lane.objects.order_by("lane").values_list("epoch", flat=True))

    assert first.take_lanes() is True
    assert second.take_lanes() is False

    assert epochs == list(Lane.objects.order_by("lane").values_list("epoch", flat=True))


def test_a_relay_that_wakes_up_after_its_lease_records_nothing(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    tell_of("ada")
    heir_took: list[bool] = []

    def sleep_too_long() -> None:
        kafka.while_publishing = lambda: None
        heir = new_relay("heir", publisher=KafkaSpy())
        wait_until(leases_have_run_out)
        heir_took.append(heir.take_lanes())

    with override_settings(OUTBOX_LEASE=SHORT):
        sleeper = new_relay("sleeper")
        kafka.while_publishing = sleep_too_long
        with pytest.raises(LaneLost):
            sleeper.relay_batch()

    assert heir_took == [True]
    assert (OutboxEvent.objects.count(), ArchivedEvent.objects.count()) == (1, 0)


def test_what_a_dead_relay_had_sent_but_not_recorded_is_sent_again_by_its_heir(
    new_relay: Relays, kafka: KafkaSpy
) -> None:
    told = [tell_of("ada"), tell_session_ended("ada")]
    kafka.while_publishing = end_all_relays
    with pytest.raises(psycopg.OperationalError):
        new_relay("dies before it records").relay_batch()
    kafka.while_publishing = lambda: None

    assert new_relay("heir").relay_batch() == Tally(sent=2)

    assert [envelope.event_id for envelope in kafka.envelopes] == told + told
    assert OutboxEvent.objects.count() == 0


def test_a_lane_is_taken_when_what_is_being_recorded_of_it_is_recorded(
    connect: Callable[[], "psycopg.Connection[Any]"],
) -> None:
    (own, first), (other, heir) = sender(connect, "first"), sender(connect, "heir")
    first.acquire()
    Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    own.execute("begin")
    Backlog(own, first).mark_delivered([])

    with ThreadPoolExecutor(1) as threads:
        taking = threads.submit(heir.acquire)
        wait_until(lambda: waits_for(own, other))
        own.execute("commit")

        assert len(taking.result()) == 16


def test_what_is_recorded_of_a_lane_that_is_being_taken_is_refused_when_it_is(
    connect: Callable[[], "psycopg.Connection[Any]"],
) -> None:
    (own, first), (other, heir) = sender(connect, "first"), sender(connect, "heir")
    first.acquire()
    Lane.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    other.execute("begin")
    heir.acquire()

    with ThreadPoolExecutor(1) as threads:
        recording = threads.submit(Backlog(own, first).mark_delivered, [])
        wait_until(lambda: waits_for(other, own))
        other.execute("commit")

        with pytest.raises(LaneLost):
            recording.result()


def sender(
    connect: Callable[[], "psycopg.Connection[Any]"], name: str
) -> tuple["psycopg.Connection[Any]", Leases]:
    own = connect()
    return own, Leases(own, owner=name)


def waits_for(
    holder: "psycopg.Connection[Any]", waiting: "psycopg.Connection[Any]"
) -> bool:
    """Return whether one session is kept waiting by the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select %s = any (pg_blocking_pids(%s))",
            [holder.info.backend_pid, waiting.info.backend_pid],
        )
        return bool(cursor.fetchone() == (True,))


def leases_have_run_out() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("select max(lease_until) < clock_timestamp() from outbox_lane")
        return bool(cursor.fetchone() == (True,))


def end_all_relays() -> None:
    """End the relays' sessions, as the end of their processes does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'test-relay'"
            " and datname = current_database()"
        )


def wait_until(ready: Callable[[], bool]) -> None:
    give_up = monotonic() + DEADLINE
    while not ready():
        assert monotonic() < give_up
        Event().wait(0.02)

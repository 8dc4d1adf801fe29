"""What `outbox_status` says."""

import json
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from opencore.ids import uuid7
from outbox import status as status_module
from outbox.models import DeadLetter, Hold, Lane, ParkedMessage, TopicPause
from outbox.status import read_status
from tests.outbox.conftest import Relays
from tests.outbox.events import tell_of
from tests.outbox.letters import store_letters

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("outbox_status", *arguments, stdout=out)
    return out.getvalue()


@override_settings(OUTBOX_LANES=4)
def test_an_empty_outbox_has_nothing_to_tell() -> None:
    assert run().splitlines() == [
        "lanes                4  nobody",
        "0 events waiting; 0 held keys, 0 dead letters, 0 paused topics;"
        " 0 of 4 lanes have a relay.",
    ]


@override_settings(OUTBOX_LANES=4)
def test_says_what_waits_what_is_dead_and_who_is_at_work(new_relay: Relays) -> None:
    new_relay("web-1:4711")
    tell_of("ada")
    tell_of("grace")
    _let_events_wait(seconds=90)
    store_letters(2)
    DeadLetter.objects.filter(position=2).update(
        scope="billing", type="", event_id=None, partition=0, offset=1
    )
    pause = TopicPause.objects.create(topic="opencore.billing.v1", reason="not allowed")
    ParkedMessage.objects.create(
        consumer="billing", partition=0, offset=1, event_id=uuid7(), payload=b""
    )
    pause.refresh_from_db()

    *lines, sentence = run().splitlines()

    assert lines == [
        "dead letters         1  billing: unreadable",
        "dead letters         1  relay: opencore.user.v1.user-created",
        "held keys            2  relay",
        "parked               1  billing",
        "paused topic  opencore.billing.v1"
        f" since {pause.since:%Y-%m-%d %H:%M:%S} UTC: not allowed",
        "lanes                4  web-1:4711",
    ]
    assert re.sub(r"for 9\d s", "for 90 s", sentence) == (
        "2 events waiting, the oldest for 90 s; 2 held keys, 2 dead letters,"
        " 1 paused topic; 4 of 4 lanes have a relay."
    )


@override_settings(OUTBOX_LANES=1)
def test_can_be_read_by_machines() -> None:
    Lane.objects.create(lane=0, owner="web-1:4711")
    lane = Lane.objects.get()

    assert json.loads(run("--json")) == {
        "pending": 0,
        "pending_is_estimate": False,
        "oldest_pending_at": None,
        "oldest_pending_seconds": 0.0,
        "stray_lanes": [],
        "held_keys": {},
        "parked": {},
        "dead_letters": {},
        "paused_topics": [],
        "lanes": [
            {"lane": 0, "owner": "", "lease_until": lane.lease_until.isoformat()}
        ],
    }


def test_letters_that_were_decided_are_not_counted() -> None:
    store_letters(1)
    DeadLetter.objects.update(state="discarded", resolved_at=timezone.now())

    assert read_status(now=timezone.now()).dead_letters == {}


def test_warns_of_events_in_lanes_that_no_relay_serves() -> None:
    tell_of("ada")
    with override_settings(OUTBOX_LANES=1):
        strays = read_status(now=timezone.now()).stray_lanes
        lines = run().splitlines()

    assert len(strays) == 1
    assert (
        f"stray lane    {strays[0]}: no relay serves it; OUTBOX_LANES is too small"
        in lines
    )


def test_the_oldest_event_is_found_in_whatever_lane_it_is() -> None:
    for name in ("ada", "grace", "hopper", "lovelace"):
        tell_of(name)
    with connection.cursor() as cursor:
        cursor.execute("select min(created_at) from outbox_event")
        (oldest,) = cursor.fetchone()

    assert read_status(now=timezone.now()).oldest_pending_at == oldest


def test_a_long_backlog_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_module, "COUNTED_EXACTLY", 1)
    tell_of("ada")
    tell_of("grace")

    status = read_status(now=timezone.now())

    assert (status.pending, status.pending_is_estimate) == (2, True)
    assert run().splitlines()[-1].startswith("About 2 events waiting")


def test_holds_are_counted_by_scope() -> None:
    for scope, key in (("relay", "a"), ("relay", "b"), ("billing", "a")):
        Hold.objects.create(scope=scope, topic="opencore.user.v1", key=key, reason="x")

    assert read_status(now=timezone.now()).held_keys == {"billing": 1, "relay": 2}


def _let_events_wait(*, seconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("alter table outbox_event disable trigger user")
        cursor.execute(
            "update outbox_event"
            " set created_at = clock_timestamp() - make_interval(secs => %s)",
            [seconds],
        )
        cursor.execute("alter table outbox_event enable trigger user")

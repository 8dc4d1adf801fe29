"""What the operators' pages show, and to whom."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.admin.views.main import ChangeList
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from opencore.ids import uuid7
from outbox.admin.paging import BoundedPages
from outbox.models import (
    Attempt,
    DeadLetter,
    Hold,
    Lane,
    OutboxEvent,
    ParkedMessage,
    Replay,
    TopicPause,
)
from tests.outbox.conftest import Relays
from tests.outbox.events import person, tell_of, tell_session_ended
from tests.outbox.fakes import KafkaSpy
from tests.outbox.letters import bury, replay_all, store_letters
from tests.outbox.operators import operator_with, page, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

TOPIC = "opencore.user.v1"
LISTS = (
    "archivedevent",
    "deadletter",
    "hold",
    "lane",
    "outboxevent",
    "parkedmessage",
    "replay",
    "topicpause",
)


@pytest.fixture
def grace() -> Client:
    return sign_in("grace", staff=True, superuser=True)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_no_strangers_business(name: str) -> None:
    mallory = sign_in("mallory", staff=False)

    response = mallory.get(f"/admin/outbox/{name}/")

    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_needs_a_right_of_its_own(name: str) -> None:
    assert operator_with("view_group").get(f"/admin/outbox/{name}/").status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_shown_when_it_is_empty(grace: Client, name: str) -> None:
    assert page(grace, f"{name}/")


@pytest.mark.parametrize("name", LISTS)
def test_nothing_can_be_added(grace: Client, name: str) -> None:
    assert grace.get(f"/admin/outbox/{name}/add/").status_code == 403


def test_no_row_can_be_edited_or_deleted(grace: Client) -> None:
    (letter,) = store_letters(1)
    replay_all()
    event, hold, operation = (
        OutboxEvent.objects.get(),
        Hold.objects.get(),
        Replay.objects.get(),
    )
    pages = [
        f"deadletter/{letter.id}",
        f"outboxevent/{event.lane}-{event.id}",
        f"hold/{hold.id}",
        f"replay/{operation.id}",
    ]

    answers = [
        grace.post(f"/admin/outbox/{name}/{deed}/", {"post": "yes"}).status_code
        for name in pages
        for deed in ("change", "delete")
    ]

    assert answers == [403] * 8
    assert DeadLetter.objects.get().state == "replayed"


def test_a_waiting_event_says_behind_which_event_it_waits_and_since_when(
    grace: Client, new_relay: Relays, kafka: KafkaSpy
) -> None:
    (dead,) = bury(new_relay(), kafka, "mallory")
    tell_session_ended("mallory")
    event, hold = OutboxEvent.objects.get(), Hold.objects.get()

    sentence = (
        f"Waits behind event {dead} since {hold.since:%Y-%m-%d %H:%M:%S} UTC: too large"
    )

    assert sentence in page(grace, "outboxevent/")
    assert sentence in page(grace, f"outboxevent/{event.lane}-{event.id}/change/")


def test_a_waiting_event_says_when_it_is_tried_again(grace: Client) -> None:
    tell_of("ada")
    then = timezone.now() + timedelta(minutes=3)
    OutboxEvent.objects.update(attempts=2, available_at=then)

    assert f"Attempt 2 failed; the next is at {then:%Y-%m-%d %H:%M:%S} UTC." in page(
        grace, "outboxevent/"
    )


def test_a_waiting_event_says_that_its_topic_is_paused(grace: Client) -> None:
    tell_of("ada")
    pause = TopicPause.objects.create(topic=TOPIC, reason="not allowed")
    pause.refresh_from_db()

    assert (
        f"Its topic is paused since {pause.since:%Y-%m-%d %H:%M:%S} UTC: not allowed"
        in page(grace, "outboxevent/")
    )


def test_a_waiting_event_says_who_will_send_it(
    grace: Client, new_relay: Relays
) -> None:
    new_relay("web-1:4711")
    tell_of("ada")

    assert "Due: web-1:4711 sends it with its next batch." in page(
        grace, "outboxevent/"
    )


def test_a_waiting_event_says_that_nobody_will_send_it(grace: Client) -> None:
    tell_of("ada")
    lane = OutboxEvent.objects.get().lane

    assert f"Due, but no relay serves lane {lane}: does one run?" in page(
        grace, "outboxevent/"
    )


def test_a_payload_is_shown_as_indented_json(grace: Client) -> None:
    tell_of("ada")
    event = OutboxEvent.objects.get()

    shown = page(grace, f"outboxevent/{event.lane}-{event.id}/change/")

    assert "&quot;email&quot;: &quot;ada@example.com&quot;" in shown
    assert "\n  &quot;specversion&quot;: &quot;1.0&quot;,\n" in shown


def test_bytes_that_are_no_json_are_shown_as_they_are(grace: Client) -> None:
    (letter,) = store_letters(1)
    DeadLetter.objects.update(payload=b"\xff<script>")

    shown = page(grace, f"deadletter/{letter.id}/change/")

    assert "\\xff&lt;script&gt;" in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("q={event_id}", 1, id="event id"),
        pytest.param("q={key}", 1, id="key"),
        pytest.param("q=nobody", 0, id="another key"),
        pytest.param(f"q={uuid7()}", 0, id="another id"),
        pytest.param("type=opencore.user.v1.user-created", 2, id="type"),
        pytest.param("type=opencore.org.v1.org-created", 0, id="another type"),
        pytest.param(f"topic={TOPIC}", 2, id="topic"),
        pytest.param("topic=opencore.org.v1", 0, id="another topic"),
    ],
)
def test_waiting_events_are_found(grace: Client, query: str, found: int) -> None:
    event_id = tell_of("ada")
    tell_of("grace")
    asked = query.format(event_id=event_id, key=person("ada"))

    rows = grace.get(f"/admin/outbox/outboxevent/?{asked}").context["cl"].result_count

    assert rows == found


def test_delivered_events_are_found_by_their_id_newest_first(
    grace: Client, new_relay: Relays
) -> None:
    first, second = tell_of("ada"), tell_of("grace")
    new_relay().relay_batch()

    everything = grace.get("/admin/outbox/archivedevent/").context["cl"]
    one = grace.get(f"/admin/outbox/archivedevent/?q={first}").context["cl"]
    nothing = grace.get("/admin/outbox/archivedevent/?q=ada").context["cl"]

    assert _ids(everything) == [second, first]
    assert (_ids(one), _ids(nothing)) == ([first], [])
    assert str(first) in page(grace, f"archivedevent/{first}/change/")


def test_a_list_of_a_big_table_counts_no_more_than_it_shows(
    grace: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedPages, "most_rows", 2)
    for name in ("ada", "grace", "hopper"):
        tell_of(name)

    with CaptureQueriesContext(connection) as queries:
        shown = page(grace, "outboxevent/")

    counts = [one["sql"] for one in queries if "count(" in one["sql"].lower()]
    assert ["LIMIT 2" in sql for sql in counts] == [True]
    assert "The first 2 waiting events; search or filter to see others." in shown


def test_dead_letters_that_wait_are_shown_before_anybody_asks(grace: Client) -> None:
    waiting, decided = store_letters(2)
    replay_all(ids=[decided.id])

    assert _letters(grace, "") == [waiting.id]
    assert _letters(grace, "?state=replayed") == [decided.id]
    assert _letters(grace, "?state=discarded") == []
    assert set(_letters(grace, "?state=all")) == {waiting.id, decided.id}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("scope=billing", id="scope"),
        pytest.param("reason=unreadable", id="reason"),
        pytest.param("type=other", id="type"),
        pytest.param("topic=opencore.org.v1", id="topic"),
        pytest.param("q=hopper", id="key"),
    ],
)
def test_dead_letters_are_found(grace: Client, query: str) -> None:
    one, _ = store_letters(2)
    DeadLetter.objects.filter(id=one.id).update(
        scope="billing",
        reason="unreadable",
        type="other",
        topic="opencore.org.v1",
        key="hopper",
    )

    assert _letters(grace, f"?{query}") == [one.id]


def test_a_dead_letter_shows_its_attempts_and_its_error(grace: Client) -> None:
    (letter,) = store_letters(1)
    assert letter.event_id is not None
    Attempt.objects.create(
        event_id=letter.event_id,
        scope="relay",
        number=3,
        worker="web-1:4711",
        failure="event",
        code=10,
        message="Broker: Message size too large",
    )

    shown = page(grace, f"deadletter/{letter.id}/change/")

    assert "<td>3</td><td>web-1:4711</td><td>event</td><td>10</td>" in shown
    assert "message of 1 bytes is too large" in shown
    assert "Waits for a decision, and its key behind it." in shown


def test_a_decided_letter_says_who_decided_what_and_why(grace: Client) -> None:
    (letter,) = store_letters(1)
    replay_all()
    letter.refresh_from_db()

    assert (
        "Replayed by grace@example.com"
        f" at {letter.resolved_at:%Y-%m-%d %H:%M:%S} UTC: the limit was raised"
    ) in page(grace, f"deadletter/{letter.id}/change/")


def test_a_hold_leads_to_the_letter_that_it_waits_for(grace: Client) -> None:
    (letter,) = store_letters(1)

    assert (
        f'<a href="/admin/outbox/deadletter/{letter.id}/change/">'
        "Waits until its dead letter is replayed or discarded.</a>"
    ) in page(grace, "hold/")


def test_a_parked_message_says_what_it_waits_for(grace: Client) -> None:
    for number in (1, 2):
        ParkedMessage.objects.create(
            consumer="billing",
            topic=TOPIC,
            key="ada",
            partition=0,
            offset=number,
            event_id=UUID(int=number),
            attempts=2 - number,
            payload=b"{}",
        )
    then = timezone.now() + timedelta(minutes=3)
    Hold.objects.create(
        scope="billing",
        topic=TOPIC,
        key="ada",
        event_id=UUID(int=1),
        reason="ValueError: not today",
        resume_at=then,
    )

    shown = page(grace, "parkedmessage/")

    assert f"Attempt 1 failed; the next is at {then:%Y-%m-%d %H:%M:%S} UTC." in shown
    assert f"Waits behind event {UUID(int=1)} since" in shown


def test_a_lane_says_who_serves_it(grace: Client) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    Lane.objects.create(lane=0, owner="web-1:4711", lease_until=soon)
    Lane.objects.create(lane=1, owner="web-1:4712")

    shown = page(grace, "lane/")

    assert shown.count("Served by web-1:4711.") == 1
    assert shown.count("Free: no relay serves it.") == 1


def test_an_operation_shows_what_became_of_each_letter(grace: Client) -> None:
    done, refused = store_letters(2)
    DeadLetter.objects.filter(id=refused.id).update(occurred_at=None)
    operation = replay_all()

    shown = page(grace, f"replay/{operation.id}/change/")

    assert "Replayed 1 of 2 events; 1 refused." in shown
    assert "It has no event id or no time." in shown
    assert shown.index(str(refused.id)) < shown.index(f"/deadletter/{done.id}/change/")


def test_an_unfinished_operation_says_how_to_go_on(grace: Client) -> None:
    store_letters(12)
    DeadLetter.objects.update(occurred_at=None)
    operation = replay_all(stop_on_failure_rate=0.1)

    assert f"--resume {operation.id}" in page(grace, f"replay/{operation.id}/change/")


def test_the_archive_is_read_by_an_index_alone(grace: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        page(grace, "archivedevent/")

    (rows,) = [
        one["sql"]
        for one in queries
        if 'FROM "outbox_archive"' in one["sql"] and "COUNT" not in one["sql"]
    ]
    with connection.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
        cursor.execute(f"explain {rows}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("reset enable_seqscan")
    assert "Index Scan Backward" in plan


def _ids(changelist: ChangeList) -> list[UUID]:
    return [row.event_id for row in changelist.result_list]


def _letters(client: Client, query: str) -> list[UUID]:
    response = client.get(f"/admin/outbox/deadletter/{query}")
    return [row.id for row in response.context["cl"].result_list]

"""The operators' endpoints: what they show, decide and refuse."""

from base64 import b64decode
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from outbox.models import (
    Attempt,
    DeadLetter,
    Hold,
    OperatorAction,
    TopicPause,
)
from tests.api import Api, assert_problem, body_of
from tests.outbox.letters import replay_all, store_letters

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = "/v1/ops/eventing"
TOPIC = "opencore.user.v1"
USER = f"{TOPIC}.user-created"
WHY = "the limit was raised"
TURN = timedelta(seconds=60)
READS = (
    "/status",
    "/dead-letters",
    f"/dead-letters/{UUID(int=1)}",
    "/dead-letters/groups",
    "/replays",
    f"/replays/{UUID(int=1)}",
    f"/replays/{UUID(int=1)}/items",
)
WRITES = (
    "/replays",
    f"/replays/{UUID(int=1)}/cancel",
    "/keys/hold",
    "/keys/release",
    "/keys/skip",
    f"/topics/{TOPIC}/pause",
    f"/topics/{TOPIC}/resume",
)


@pytest.fixture
def grace() -> Api:
    """An operator."""
    return Api(uuid4(), role="operator")


@pytest.fixture
def mallory() -> Api:
    """Signed in, and no operator."""
    return Api(uuid4())


@pytest.mark.parametrize("path", READS)
def test_nothing_is_shown_to_who_is_not_signed_in(client: Client, path: str) -> None:
    assert_problem(client.get(f"{ROOT}{path}"), 401, "unauthenticated")


@pytest.mark.parametrize("path", WRITES)
def test_nothing_is_decided_by_who_is_not_signed_in(client: Client, path: str) -> None:
    response = client.post(f"{ROOT}{path}", {}, content_type="application/json")

    assert_problem(response, 401, "unauthenticated")


@pytest.mark.parametrize("path", READS)
def test_nothing_is_shown_to_who_is_no_operator(mallory: Api, path: str) -> None:
    assert_problem(mallory.get(f"{ROOT}{path}"), 403, "forbidden")


@pytest.mark.parametrize("path", WRITES)
def test_nothing_is_decided_by_who_is_no_operator(mallory: Api, path: str) -> None:
    assert_problem(mallory.post(f"{ROOT}{path}", {}, key="k1"), 403, "forbidden")


def test_the_status_is_what_the_command_says(grace: Api) -> None:
    store_letters(2)

    status = body_of(grace.get(f"{ROOT}/status"))

    assert status["dead_letters"] == {"relay": {USER: 2}}
    assert (status["pending"], status["held_keys"]) == (0, {"relay": 2})


def test_dead_letters_that_wait_are_listed_by_pages(grace: Api) -> None:
    letters = store_letters(3)
    replay_all(ids=[letters[2].id])

    first = body_of(grace.get(f"{ROOT}/dead-letters?limit=1"))
    second = body_of(
        grace.get(f"{ROOT}/dead-letters?limit=1&cursor={first['next_cursor']}")
    )

    assert (first["has_more"], second["has_more"]) == (True, False)
    assert {first["data"][0]["id"], second["data"][0]["id"]} == {
        str(letters[0].id),
        str(letters[1].id),
    }


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("scope=billing", id="scope"),
        pytest.param("type=other", id="type"),
        pytest.param("topic=opencore.org.v1", id="topic"),
        pytest.param("key=hopper", id="key"),
        pytest.param("reason=unreadable", id="reason"),
        pytest.param("cause=unreadable:%20no%20JSON%20at%20%23", id="cause"),
        pytest.param("since=2031-01-01T00:00:00Z", id="since"),
    ],
)
def test_dead_letters_are_found(grace: Api, query: str) -> None:
    one, _ = store_letters(2)
    DeadLetter.objects.filter(id=one.id).update(
        scope="billing",
        reason="unreadable",
        error="no JSON at 17\nTraceback …",
        type="other",
        topic="opencore.org.v1",
        key="hopper",
        failed_at="2031-01-02T00:00:00Z",
    )

    found = body_of(grace.get(f"{ROOT}/dead-letters?{query}"))

    assert [letter["id"] for letter in found["data"]] == [str(one.id)]


def test_letters_that_were_decided_are_found_by_their_state(grace: Api) -> None:
    one, _ = store_letters(2)
    replay_all(ids=[one.id])

    found = body_of(grace.get(f"{ROOT}/dead-letters?state=replayed"))

    assert [letter["id"] for letter in found["data"]] == [str(one.id)]


def test_a_filter_that_does_not_exist_is_refused(grace: Api) -> None:
    response = grace.get(f"{ROOT}/dead-letters?typ=other")

    assert_problem(response, 400, "validation_error", "/typ")


def test_a_letter_is_shown_with_its_bytes_and_its_attempts(grace: Api) -> None:
    (letter,) = store_letters(1)
    assert letter.event_id is not None
    Attempt.objects.create(
        event_id=letter.event_id,
        scope="relay",
        number=8,
        worker="web-1:4711",
        failure="event",
        code=10,
        message="too large",
    )

    shown = body_of(grace.get(f"{ROOT}/dead-letters/{letter.id}"))

    (attempt,) = shown["recorded_attempts"]
    assert b64decode(shown["payload"]) == bytes(letter.payload)
    assert (shown["state"], shown["attempts"]) == ("waiting", 8)
    assert (attempt["number"], attempt["worker"], attempt["code"]) == (
        8,
        "web-1:4711",
        10,
    )


def test_a_letter_that_could_not_be_read_has_no_attempts(grace: Api) -> None:
    (letter,) = store_letters(1)
    DeadLetter.objects.update(event_id=None, partition=0, offset=1)

    shown = body_of(grace.get(f"{ROOT}/dead-letters/{letter.id}"))

    assert (shown["event_id"], shown["recorded_attempts"]) == (None, [])


def test_letters_are_grouped_by_what_they_died_of(grace: Api) -> None:
    now = timezone.now()
    store_letters(3, failed_at=now)
    DeadLetter.objects.filter(position=1).update(
        scope="billing", error="KeyError: 'plan'"
    )
    DeadLetter.objects.filter(position=2).update(failed_at=now - timedelta(1))

    groups = body_of(grace.get(f"{ROOT}/dead-letters/groups"))["data"]

    assert [
        (group["cause"], group["type"], group["scope"], group["letters"])
        for group in groups
    ] == [
        ("event: message of # bytes is too large", USER, "relay", 2),
        ("event: KeyError: 'plan'", USER, "billing", 1),
    ]
    assert groups[0]["first_seen"] == _json(now - timedelta(1))
    assert groups[0]["last_seen"] == _json(now)


def test_a_key_is_held_then_released_and_both_are_recorded(grace: Api) -> None:
    body = {"topic": TOPIC, "key": "ada", "reason": WHY}

    held = grace.post(f"{ROOT}/keys/hold", body)
    count = Hold.objects.filter(scope="relay", key="ada").count()
    released = grace.post(f"{ROOT}/keys/release", body)

    assert (held.status_code, count, released.status_code) == (204, 1, 204)
    assert Hold.objects.count() == 0
    assert list(
        OperatorAction.objects.order_by("at").values_list("action", "actor", "reason")
    ) == [
        ("hold_key", str(grace.user_id), WHY),
        ("release_key", str(grace.user_id), WHY),
    ]


def test_a_key_goes_on_without_the_event_that_it_waits_behind(grace: Api) -> None:
    (letter,) = store_letters(1)
    body = {"topic": TOPIC, "key": letter.key, "reason": WHY}

    skipped = body_of(grace.post(f"{ROOT}/keys/skip", body))

    assert skipped == {"event_id": str(letter.event_id)}
    assert DeadLetter.objects.get().state == "discarded"
    assert Hold.objects.count() == 0


def test_a_topic_is_paused_then_resumed(grace: Api) -> None:
    paused = grace.post(f"{ROOT}/topics/{TOPIC}/pause", {"reason": WHY})
    by = TopicPause.objects.get(topic=TOPIC).paused_by
    resumed = grace.post(f"{ROOT}/topics/{TOPIC}/resume", {"reason": WHY})

    assert (paused.status_code, resumed.status_code) == (204, 204)
    assert (by, TopicPause.objects.count()) == (str(grace.user_id), 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/keys/release", {"topic": TOPIC, "key": "ada"}, id="not held"),
        pytest.param("/keys/skip", {"topic": TOPIC, "key": "ada"}, id="behind nothing"),
        pytest.param("/keys/hold", {"topic": "nowhere", "key": "ada"}, id="no topic"),
        pytest.param(f"/topics/{TOPIC}/resume", {}, id="not paused"),
        pytest.param("/topics/nowhere/pause", {}, id="unknown topic"),
    ],
)
def test_what_is_not_possible_is_refused_with_its_reason(
    grace: Api, path: str, body: dict[str, str]
) -> None:
    response = grace.post(ROOT + path, {**body, "reason": WHY})

    assert_problem(response, 409, "action_refused")
    assert len(body_of(response)["detail"]) > 20
    assert OperatorAction.objects.count() == 0


def test_the_description_of_the_api_has_no_warnings() -> None:
    with GENERATOR_STATS.silence():
        GENERATOR_STATS.reset()
        schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # -- it has no types
        warnings = {**GENERATOR_STATS._warn_cache, **GENERATOR_STATS._error_cache}

    validate_schema(schema)  # type: ignore[no-untyped-call]  # -- it has no types
    assert warnings == {}
    assert {path for path in schema["paths"] if path.startswith(ROOT)} >= {
        f"{ROOT}/status",
        f"{ROOT}/replays/{{operation_id}}/cancel",
    }


def _json(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")

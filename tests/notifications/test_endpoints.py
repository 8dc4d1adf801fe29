"""The feed over HTTP."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client

from notifications.models import Notification
from notifications.services import mark_read, welcome
from tests.api import Api, assert_problem, body_of
from tests.notifications.conftest import NOW

pytestmark = pytest.mark.django_db

PATH = "/v1/notifications"


@pytest.fixture
def feed(ada: UUID) -> list[Notification]:
    """Three notifications of ada's, newest first."""
    for _ in range(3):
        welcome(user_id=ada, email="ada@example.com", event_id=uuid4(), now=NOW)
    return list(Notification.objects.order_by("-created_at", "-id"))


def test_shows_the_callers_feed(ada: UUID, feed: list[Notification]) -> None:
    response = Api(ada).get(f"{PATH}?limit=1")

    assert response.status_code == 200
    shown = body_of(response)
    assert shown["data"] == [
        {
            "id": str(feed[0].id),
            "type": "welcome",
            "title": "Welcome to OpenCore",
            "body": feed[0].body,
            "data": {},
            "created_at": feed[0].created_at.isoformat().replace("+00:00", "Z"),
            "read_at": None,
        }
    ]
    assert shown["has_more"] is True


def test_the_next_page_goes_on(ada: UUID, feed: list[Notification]) -> None:
    first = body_of(Api(ada).get(f"{PATH}?limit=2"))

    second = body_of(Api(ada).get(f"{PATH}?limit=2&cursor={first['next_cursor']}"))

    assert [item["id"] for item in second["data"]] == [str(feed[2].id)]
    assert (second["has_more"], second["next_cursor"]) == (False, None)


def test_leaves_out_what_was_read(ada: UUID, feed: list[Notification]) -> None:
    mark_read(notification_id=feed[1].id, now=NOW, actor_id=ada)

    shown = body_of(Api(ada).get(f"{PATH}?unread=true"))

    assert [item["id"] for item in shown["data"]] == [str(feed[0].id), str(feed[2].id)]


def test_shows_nobody_elses_feed(mallory: UUID, feed: list[Notification]) -> None:
    assert body_of(Api(mallory).get(PATH))["data"] == []


@pytest.mark.parametrize("query", ["unread=perhaps", "limit=0", "state=new"])
def test_refuses_a_query_that_can_not_be(ada: UUID, query: str) -> None:
    pointer = f"/{query.partition('=')[0]}"

    assert_problem(Api(ada).get(f"{PATH}?{query}"), 400, "validation_error", pointer)


def test_refuses_a_cursor_of_another_list(ada: UUID, feed: list[Notification]) -> None:
    cursor = body_of(Api(ada).get(f"{PATH}?limit=1"))["next_cursor"]

    response = Api(ada).get(f"{PATH}?limit=1&unread=true&cursor={cursor}")

    assert_problem(response, 400, "cursor_mismatch")


def test_marks_a_notification_as_read(ada: UUID, feed: list[Notification]) -> None:
    response = Api(ada).post(f"{PATH}/{feed[0].id}/read")

    feed[0].refresh_from_db()
    assert response.status_code == 200
    assert feed[0].read_at is not None
    assert body_of(response)["read_at"] == feed[0].read_at.isoformat().replace(
        "+00:00", "Z"
    )
    assert Notification.objects.unread().count() == 2


def test_reading_twice_keeps_the_first_time(
    ada: UUID, feed: list[Notification]
) -> None:
    mark_read(notification_id=feed[0].id, now=NOW, actor_id=ada)

    response = Api(ada).post(f"{PATH}/{feed[0].id}/read")

    assert response.status_code == 200
    assert body_of(response)["read_at"] == "2028-02-29T12:00:00Z"


def test_nobody_reads_for_somebody_else(
    mallory: UUID, feed: list[Notification]
) -> None:
    response = Api(mallory).post(f"{PATH}/{feed[0].id}/read")

    assert_problem(response, 404, "not_found")
    assert Notification.objects.unread().count() == 3


def test_what_is_not_there_can_not_be_read(ada: UUID) -> None:
    assert_problem(Api(ada).post(f"{PATH}/{uuid4()}/read"), 404, "not_found")


def test_counts_what_is_unread(ada: UUID, feed: list[Notification]) -> None:
    mark_read(notification_id=feed[0].id, now=NOW + timedelta(1), actor_id=ada)

    assert body_of(Api(ada).get(f"{PATH}/unread-count")) == {"unread": 2}


def test_counts_nobody_elses(mallory: UUID, feed: list[Notification]) -> None:
    assert body_of(Api(mallory).get(f"{PATH}/unread-count")) == {"unread": 0}


@pytest.mark.parametrize("path", [PATH, f"{PATH}/unread-count"])
def test_refuses_who_is_not_signed_in(client: Client, path: str) -> None:
    assert_problem(client.get(path), 401, "unauthenticated")


def test_has_no_other_methods(ada: UUID) -> None:
    response = Api(ada).post(PATH)

    assert_problem(response, 405, "method_not_allowed")

"""Lists are narrowed and ordered as they declare, and refuse everything else."""

import gc
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from django.test import Client

from notifications.models import Notification
from opencore.rest import Listing
from tests.api import Api, assert_problem, body_of
from tests.opencore.test_openapi import operations

NOON = datetime(2028, 2, 29, 12, tzinfo=UTC)
FEED = "/v1/notifications"


@pytest.fixture
def ada(db: None) -> Api:
    """Somebody with five notifications, one an hour from noon on."""
    ada = Api(uuid4())
    Notification.objects.bulk_create(
        Notification(
            user_id=ada.user_id,
            type=kind,
            event_id=uuid4(),
            title=kind,
            body="",
            created_at=NOON + timedelta(hours=hour),
        )
        for hour, kind in enumerate(("welcome", "receipt", "code", "receipt", "code"))
    )
    return ada


def hours(ada: Api, **query: str) -> list[int]:
    """Return which hours after noon the list shows."""
    shown = body_of(ada.get(f"{FEED}?{urlencode(query)}"))["data"]
    return [
        (datetime.fromisoformat(row["created_at"]) - NOON) // timedelta(hours=1)
        for row in shown
    ]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, [4, 3, 2, 1, 0]),
        ({"sort": "-created_at"}, [4, 3, 2, 1, 0]),
        ({"sort": "created_at"}, [0, 1, 2, 3, 4]),
        ({"type": "receipt"}, [3, 1]),
        ({"type": "receipt,welcome"}, [3, 1, 0]),
        ({"type": "nothing"}, []),
        ({"created_at[gte]": "2028-02-29T14:00:00Z"}, [4, 3, 2]),
        # PostgreSQL itself knows no zone so far away.
        ({"created_at[gte]": "2028-03-01T13:42:00+23:42"}, [4, 3, 2]),
        ({"created_at[lt]": "2028-02-29T15:00:00+01:00"}, [1, 0]),
        (
            {
                "created_at[gte]": "2028-02-29T13:00:00Z",
                "created_at[lt]": "2028-02-29T16:00:00Z",
                "type": "receipt",
                "sort": "created_at",
            },
            [1, 3],
        ),
    ],
    ids=[
        *("all", "newest first", "oldest first", "one value", "two values", "none"),
        *("from a time on", "from a far zone on", "before a time", "all at once"),
    ],
)
def test_a_list_is_narrowed_and_ordered_as_asked(
    ada: Api, query: Mapping[str, str], shown: list[int]
) -> None:
    assert hours(ada, **query) == shown


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("color=red", "/color", "unknown"),
        ("created_at=2028-02-29T12:00:00Z", "/created_at", "unknown"),
        ("type[gte]=a", "/type[gte]", "unknown"),
        ("created_at[lt]=9999-12-31T23:59:59-23:59", "/created_at[lt]", "invalid"),
        ("sort=title", "/sort", "unknown"),
        ("sort=", "/sort", "unknown"),
        ("sort=%2Bcreated_at", "/sort", "unknown"),
        ("created_at[lt]=yesterday", "/created_at[lt]", "invalid"),
        ("created_at[lt]=2028-02-29T12:00:00", "/created_at[lt]", "invalid"),
        ("created_at[lt]=2028-02-30T12:00:00Z", "/created_at[lt]", "invalid"),
        ("unread=maybe", "/unread", "invalid"),
        ("type=", "/type", "invalid"),
        ("type=a%00", "/type", "invalid"),
        ("type=" + ",".join("a" * 51), "/type", "invalid"),
        ("type=a&type=b", "/type", "duplicate"),
        ("sort=created_at&sort=created_at", "/sort", "duplicate"),
        ("limit=1&limit=2", "/limit", "duplicate"),
        ("cursor=a&cursor=b", "/cursor", "duplicate"),
        ("limit=0", "/limit", "out_of_range"),
    ],
)
def test_refuses_what_is_not_declared_and_points_to_it(
    ada: Api, query: str, pointer: str, code: str
) -> None:
    response = ada.get(f"{FEED}?{query}")

    assert_problem(response, 400, "validation_error", pointer)
    assert body_of(response)["errors"][0]["code"] == code


def test_says_all_that_is_wrong_at_once(ada: Api) -> None:
    response = ada.get(f"{FEED}?color=red&unread=maybe&sort=title")

    assert_problem(response, 400, "validation_error", "/unread", "/sort", "/color")


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_pages_go_on_in_the_order_asked_for(ada: Api, sort: str) -> None:
    whole = hours(ada, sort=sort)
    first = ada.get(f"{FEED}?limit=2&sort={sort}")
    second = Client().get(
        first["Link"].split(">")[0].lstrip("<"), headers=ada._headers()
    )
    third = body_of(second)["next_cursor"]

    pages = [body_of(first)["data"], body_of(second)["data"]]
    assert [len(rows) for rows in pages] == [2, 2]
    assert [row["title"] for rows in pages for row in rows] == titles(ada, whole[:4])
    assert hours(ada, sort=sort, limit="2", cursor=third) == whole[4:]


def titles(ada: Api, hours: list[int]) -> list[str]:
    rows = Notification.objects.filter(user_id=ada.user_id)
    return [rows.get(created_at=NOON + timedelta(hours=hour)).title for hour in hours]


@pytest.mark.parametrize(
    "other",
    [
        "limit=2&sort=created_at&type=code",
        "limit=2",
        "limit=2&sort=-created_at",
        "limit=2&sort=created_at&created_at[lt]=2029-01-01T00:00:00Z",
    ],
)
def test_a_cursor_is_good_for_its_own_filters_and_order_alone(
    ada: Api, other: str
) -> None:
    cursor = body_of(ada.get(f"{FEED}?limit=2&sort=created_at"))["next_cursor"]

    assert_problem(ada.get(f"{FEED}?{other}&cursor={cursor}"), 400, "cursor_mismatch")


def test_the_description_of_the_api_names_each_parameter() -> None:
    described = body_of(Client().get("/openapi.json"))
    parameters = operations(described)["get /v1/notifications"]["parameters"]

    found = {each["name"]: each["schema"] for each in parameters}
    assert set(found) == {
        *("unread", "type", "created_at[gte]", "created_at[lt]"),
        *("sort", "limit", "cursor"),
    }
    assert found["sort"]["enum"] == ["-created_at", "created_at"]
    assert found["created_at[gte]"] == {"type": "string", "format": "date-time"}


def test_an_index_of_the_table_carries_each_order() -> None:
    Client().get("/openapi.json")
    listings = [each for each in gc.get_objects() if type(each) is Listing]
    orders = [(listing.model, sort) for listing in listings for sort in listing.sorts]

    assert len(orders) >= 5
    wrong = [
        (model.__name__, sort.name)
        for model, sort in orders
        if tuple(carried(model, sort.index)[-len(sort.key) :]) != sort.key
    ]
    assert wrong == []


def carried(model: type, name: str) -> list[str]:
    indexes = model._meta.indexes  # type: ignore[attr-defined]  # -- Django gives it to models
    return next((index.fields for index in indexes if index.name == name), [])


def test_a_person_sees_only_their_own_whatever_they_ask_for(ada: Api) -> None:
    mallory = Api(UUID(int=ada.user_id.int ^ 1))

    assert hours(mallory, type="receipt,welcome,code") == []

"""People say how they are called, in which language and zone they live."""

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from opencore.events.user.v1 import UserUpdated
from tests.accounts.conftest import Emitted, Recorded
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db

ME = "/v1/users/me"


def change(user: User, body: dict[str, Any], version: str = "*") -> Any:  # noqa: ANN401 -- JSON is any shape
    """Change a version of what somebody says of themselves; return the answer."""
    return Api(user.id).patch(ME, body, If_Match=version)


def test_people_say_how_they_are_called_and_where_they_live(
    ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    response = change(
        ada, {"name": "Ada", "locale": "de-AT", "time_zone": "Europe/Vienna"}
    )

    assert response.status_code == 200
    assert body_of(response) == {
        "id": str(ada.id),
        "email": "ada@example.com",
        "name": "Ada",
        "locale": "de-AT",
        "time_zone": "Europe/Vienna",
        "role": "user",
        "created_at": body_of(response)["created_at"],
    }
    assert emitted() == [
        UserUpdated(
            user_id=ada.id,
            changed="locale,name,time_zone",
            locale="de-AT",
            time_zone="Europe/Vienna",
            version=2,
        )
    ]
    assert recorded() == [
        ("user.updated", ada.id, ada.id, None, {"changed": "locale,name,time_zone"})
    ]


def test_what_is_left_out_stays(ada: User) -> None:
    change(ada, {"name": "Ada"})

    answer = body_of(change(ada, {"time_zone": "Asia/Kolkata"}))

    assert (answer["name"], answer["locale"]) == ("Ada", "en")


def test_a_name_can_be_taken_back(ada: User) -> None:
    change(ada, {"name": "Ada"})

    assert body_of(change(ada, {"name": ""}))["name"] == ""


def test_what_is_so_already_is_neither_told_nor_recorded(
    ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    response = change(ada, {"locale": "en"})

    assert (response.status_code, emitted(), recorded()) == (200, [], [])
    ada.refresh_from_db()
    assert ada.version == 1


def test_the_version_that_was_read_is_changed_and_no_other(ada: User) -> None:
    read = Api(ada.id).get(ME)["ETag"]

    first = change(ada, {"name": "Ada"}, read)
    second = change(ada, {"name": "Augusta"}, read)

    assert first["ETag"] == f'W/"{ada.id}-2"'
    assert_problem(second, 412, "precondition_failed")
    ada.refresh_from_db()
    assert ada.name == "Ada"


def test_a_change_of_no_version_is_refused(ada: User) -> None:
    assert_problem(Api(ada.id).patch(ME, {"name": "Ada"}), 428, "precondition_required")


def test_who_has_the_latest_version_is_told_so(ada: User) -> None:
    read = Api(ada.id).get(ME)["ETag"]

    again = Api(ada.id).get(ME, If_None_Match=read)

    assert (again.status_code, again["ETag"]) == (304, read)


@pytest.mark.parametrize(
    ("written", "kept"), [("EN", "en"), ("zh-hant-tw", "zh-Hant-TW"), ("es-419",) * 2]
)
def test_a_language_is_kept_in_its_usual_spelling(
    ada: User, written: str, kept: str
) -> None:
    assert body_of(change(ada, {"locale": written}))["locale"] == kept


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"locale": ""}, "/locale"),
        ({"locale": "english!"}, "/locale"),
        ({"locale": "e"}, "/locale"),
        ({"locale": 7}, "/locale"),
        ({"locale": None}, "/locale"),
        ({"locale": "en" + "-variant" * 5}, "/locale"),
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"time_zone": "localtime"}, "/time_zone"),
        ({"time_zone": ["UTC"]}, "/time_zone"),
        ({"name": "two\nlines"}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": None}, "/name"),
        ({"email": "eve@example.com"}, "/email"),
        ({"role": "operator"}, "/role"),
        ({"version": 9}, "/version"),
    ],
)
def test_what_nobody_can_be_is_refused(
    ada: User, body: dict[str, Any], pointer: str, emitted: Emitted
) -> None:
    assert_problem(change(ada, body), 400, "validation_error", pointer)
    assert emitted() == []


def test_a_deployment_offers_the_languages_that_it_names(
    ada: User, settings: Settings
) -> None:
    settings.LOCALES = ["en", "de-at"]

    offered = change(ada, {"locale": "DE-at"})
    other = change(ada, {"locale": "fr"})

    assert body_of(offered)["locale"] == "de-AT"
    assert_problem(other, 400, "validation_error", "/locale")


def test_who_was_deactivated_says_nothing_more(ada: User) -> None:
    User.objects.filter(id=ada.id).update(is_active=False)

    assert_problem(change(ada, {"name": "Ada"}), 401, "token_invalid")

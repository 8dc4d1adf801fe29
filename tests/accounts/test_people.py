"""People: who they are to themselves, and what a token of theirs is worth."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from accounts.models import Organization, User
from accounts.services import (
    activate_user,
    change_role,
    deactivate_user,
    find_or_create_user,
    make_operator,
)
from accounts.services.sessions import open_session
from opencore.tokens import mint_access
from tests.accounts.conftest import Emitted, Recorded
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db

ME = "/v1/users/me"


def get_me(authorization: str) -> HttpResponseBase:
    """Ask who the bearer of a token is."""
    return Client().get(ME, headers={"Authorization": authorization})


def test_shows_people_to_themselves(ada: User) -> None:
    response = Api(ada.id).get(ME)

    assert response.status_code == 200
    ada.refresh_from_db()
    assert body_of(response) == {
        "id": str(ada.id),
        "email": "ada@example.com",
        "name": "",
        "locale": "en",
        "time_zone": "UTC",
        "role": "user",
        "created_at": ada.created_at.isoformat().replace("+00:00", "Z"),
    }


def test_shows_the_role_that_is_stored(ada: User) -> None:
    change_role(
        user_id=ada.id, role=User.Role.OPERATOR, actor_id=None, now=timezone.now()
    )

    assert body_of(Api(ada.id).get(ME))["role"] == "operator"


def test_the_token_of_a_deactivated_person_shows_nothing(ada: User) -> None:
    deactivate_user(user_id=ada.id, actor_id=None, now=timezone.now())

    response = Api(ada.id).get(ME)

    assert_problem(response, 401, "token_invalid")
    assert response["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_the_token_of_a_deactivated_person_opens_no_organization(ada: User) -> None:
    deactivate_user(user_id=ada.id, actor_id=None, now=timezone.now())

    response = Api(ada.id).post("/v1/orgs", {"name": "Acme"})

    assert_problem(response, 401, "token_invalid")
    assert Organization.objects.count() == 0


def test_the_token_of_nobody_shows_nothing() -> None:
    assert_problem(Api(uuid4()).get(ME), 401, "token_invalid")


def test_asks_for_a_token() -> None:
    response = Client().get(ME)

    assert_problem(response, 401, "unauthenticated")
    assert response["WWW-Authenticate"] == "Bearer"


def test_the_name_of_the_scheme_is_written_in_any_case(ada: User) -> None:
    tokens = open_session(user=ada, ip=None, user_agent="", now=timezone.now())

    assert get_me(f"bEARER {tokens.access_token}").status_code == 200


def test_an_access_token_is_good_for_ten_minutes(ada: User) -> None:
    now = timezone.now()
    tokens = open_session(
        user=ada, ip=None, user_agent="", now=now - timedelta(minutes=11)
    )

    response = get_me(f"Bearer {tokens.access_token}")

    assert_problem(response, 401, "token_expired")


def test_a_refresh_token_is_no_access_token(ada: User) -> None:
    tokens = open_session(user=ada, ip=None, user_agent="", now=timezone.now())

    response = get_me(f"Bearer {tokens.refresh_token}")

    assert_problem(response, 401, "token_invalid")


def test_a_token_with_another_signature_is_refused(ada: User, mallory: User) -> None:
    now = timezone.now()
    head, _, _ = open_session(
        user=ada, ip=None, user_agent="", now=now
    ).access_token.rpartition(".")
    _, _, signature = open_session(
        user=mallory, ip=None, user_agent="", now=now
    ).access_token.rpartition(".")

    assert_problem(get_me(f"Bearer {head}.{signature}"), 401, "token_invalid")


def test_a_token_with_a_role_that_is_none_is_refused(ada: User) -> None:
    token = mint_access(
        user_id=ada.id, session_id=uuid4(), role="emperor", now=timezone.now()
    )

    assert_problem(get_me(f"Bearer {token}"), 401, "token_invalid")


@pytest.mark.usefixtures("ada")
def test_the_database_keeps_an_address_to_one_person_however_it_is_written() -> None:
    with (
        pytest.raises(IntegrityError, match="accounts_user_email_unique"),
        transaction.atomic(),
    ):
        User.objects.create(email="ADA@Example.COM")

    assert User.objects.count() == 1


def test_an_address_leads_to_its_person_however_it_is_written(
    ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    assert find_or_create_user(email="Ada@EXAMPLE.com", actor_id=None) == ada

    assert User.objects.get().email == "ada@example.com"
    assert (emitted(), recorded()) == ([], [])


def test_the_record_names_who_made_somebody_a_user(recorded: Recorded) -> None:
    operator = uuid4()

    ada = find_or_create_user(email="ada@example.com", actor_id=operator)

    assert recorded() == [("user.created", operator, ada.id, None, {})]


@pytest.mark.parametrize("name", ["is_staff", "is_superuser"])
def test_the_database_lets_operators_alone_be_staff(ada: User, name: str) -> None:
    with (
        pytest.raises(IntegrityError, match="accounts_only_operators_are_staff"),
        transaction.atomic(),
    ):
        User.objects.filter(id=ada.id).update(**{name: True})


def test_the_database_knows_the_roles(ada: User) -> None:
    with (
        pytest.raises(IntegrityError, match="accounts_user_role_is_known"),
        transaction.atomic(),
    ):
        User.objects.filter(id=ada.id).update(role="emperor")


def test_an_operator_has_a_password_and_runs_the_admin(recorded: Recorded) -> None:
    operator = make_operator(
        email="operator@example.com",
        password="open sesame",
        actor_id=None,
        now=timezone.now(),
    )

    stored = User.objects.get()
    assert stored == operator
    assert (stored.role, stored.is_staff, stored.is_superuser) == (
        "operator",
        True,
        True,
    )
    assert stored.check_password("open sesame")
    assert [(action, target) for action, _, target, _, _ in recorded()] == [
        ("user.created", operator.id),
        ("user.role_changed", operator.id),
        ("user.password_set", operator.id),
    ]


def test_an_operator_who_becomes_a_user_runs_nothing(ada: User) -> None:
    now = timezone.now()
    make_operator(email=ada.email, password="open sesame", actor_id=None, now=now)

    change_role(user_id=ada.id, role=User.Role.USER, actor_id=None, now=now)

    ada.refresh_from_db()
    assert (ada.role, ada.is_staff, ada.is_superuser) == ("user", False, False)


def test_giving_somebody_their_own_role_is_no_change(
    ada: User, recorded: Recorded
) -> None:
    change_role(user_id=ada.id, role=User.Role.USER, actor_id=None, now=timezone.now())

    assert recorded() == []


def test_deactivating_and_activating_are_recorded_once_each(
    ada: User, grace: User, recorded: Recorded
) -> None:
    now = timezone.now()
    deactivate_user(user_id=ada.id, actor_id=grace.id, now=now)
    deactivate_user(user_id=ada.id, actor_id=grace.id, now=now)
    activate_user(user_id=ada.id, actor_id=grace.id)
    activate_user(user_id=ada.id, actor_id=grace.id)

    assert recorded() == [
        ("user.deactivated", grace.id, ada.id, None, {}),
        ("user.activated", grace.id, ada.id, None, {}),
    ]
    assert Api(ada.id).get(ME).status_code == 200

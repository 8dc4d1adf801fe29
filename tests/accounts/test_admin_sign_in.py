"""How operators get in to the admin, and who doesn't."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services import change_role, deactivate_user, make_operator
from tests.accounts.conftest import Recorded
from tests.accounts.visitor import Visitor

pytestmark = pytest.mark.django_db

PASSWORD = "open sesame"


def sign_in(visitor: Visitor, name: str, password: str) -> tuple[str, bytes]:
    """Sign in on the admin's page; return where that leads, and the page there."""
    browser = Client(enforce_csrf_checks=True, REMOTE_ADDR=visitor.address)
    form = browser.get("/admin/login/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token is not None
    response = browser.post(
        "/admin/login/?next=/admin/",
        {
            "username": name,
            "password": password,
            "csrfmiddlewaretoken": token.group(1),
        },
        follow=True,
    )
    return response.request["PATH_INFO"], response.content


@pytest.fixture
def with_password(operator: User) -> User:
    """An operator who has a password."""
    return make_operator(
        email=operator.email, password=PASSWORD, actor_id=None, now=timezone.now()
    )


@pytest.mark.parametrize("write", [str.lower, str.upper], ids=["lower", "upper"])
def test_an_operator_signs_in_by_address_and_password(
    with_password: User, visitor: Visitor, write: Callable[[str], str]
) -> None:
    path, page = sign_in(visitor, write(with_password.email), PASSWORD)

    assert path == "/admin/"
    assert b"Operations" in page


def test_a_wrong_password_signs_nobody_in(
    with_password: User, visitor: Visitor
) -> None:
    path, page = sign_in(visitor, with_password.email, "open barley")

    assert path == "/admin/login/"
    assert b"Please enter the correct email and password" in page


def test_an_operator_without_a_password_does_not_sign_in(
    operator: User, visitor: Visitor
) -> None:
    path, _ = sign_in(visitor, operator.email, PASSWORD)

    assert (operator.has_usable_password(), path) == (False, "/admin/login/")


def test_who_is_an_operator_no_more_does_not_sign_in(
    with_password: User, visitor: Visitor
) -> None:
    change_role(
        user_id=with_password.id,
        role=User.Role.USER,
        actor_id=None,
        now=timezone.now(),
    )

    path, page = sign_in(visitor, with_password.email, PASSWORD)

    assert path == "/admin/login/"
    assert b"for a staff account" in page


def test_a_deactivated_operator_does_not_sign_in(
    with_password: User, visitor: Visitor
) -> None:
    deactivate_user(user_id=with_password.id, actor_id=None, now=timezone.now())

    assert sign_in(visitor, with_password.email, PASSWORD)[0] == "/admin/login/"


def test_a_deactivated_operator_is_out_at_once(client: Client, operator: User) -> None:
    deactivate_user(user_id=operator.id, actor_id=None, now=timezone.now())

    assert client.get("/admin/").status_code == 302


def test_the_sign_in_page_lets_so_many_attempts_through(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opencore.admin.SIGN_IN_RATE", "2/d")
    names = [f"{uuid4().hex}@example.com" for _ in range(3)]

    pages = [sign_in(visitor, name, PASSWORD)[1] for name in names]

    looked_at = [b"Please enter the correct email" in page for page in pages]
    assert looked_at == [True, True, False]


def test_an_operator_changes_their_own_password_and_it_is_recorded(
    with_password: User, client: Client, recorded: Recorded
) -> None:
    client.force_login(with_password)

    response = client.post(
        "/admin/password_change/",
        {
            "old_password": PASSWORD,
            "new_password1": "a longer open sesame",
            "new_password2": "a longer open sesame",
        },
    )

    with_password.refresh_from_db()
    assert response["Location"] == "/admin/password_change/done/"
    assert with_password.check_password("a longer open sesame")
    assert recorded() == [
        ("user.password_set", with_password.id, with_password.id, None, {})
    ]
    assert client.get("/admin/").status_code == 200


def test_a_weak_password_is_refused(with_password: User, client: Client) -> None:
    client.force_login(with_password)

    response = client.post(
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": "sesam", "new_password2": "sesam"},
    )

    with_password.refresh_from_db()
    assert response.status_code == 200
    assert b"at least 12 characters" in response.content
    assert with_password.check_password(PASSWORD)

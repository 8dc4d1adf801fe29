"""How operators get in to the admin, and who doesn't."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pyotp
import pytest
from django.test import Client
from django.utils import timezone

from accounts.admin.parts import PROVED_AT
from accounts.models import Authenticator, Challenge, User
from accounts.services import (
    change_role,
    deactivate_user,
    make_operator,
    set_password,
)
from opencore.sealing import unseal
from tests.accounts.conftest import Recorded
from tests.accounts.operator import PROOF, Operator
from tests.accounts.phone import Phone, phone_of
from tests.accounts.visitor import Visitor, mailed_code, wrong_code

pytestmark = pytest.mark.django_db

PASSWORD = "open sesame"


@pytest.fixture
def with_password(operator: User) -> User:
    """An operator who has a password."""
    return make_operator(
        email=operator.email, password=PASSWORD, actor_id=None, now=timezone.now()
    )


@pytest.fixture
def phone(with_password: User) -> Phone:
    return phone_of(with_password)


def sign_in(visitor: Visitor, name: str, password: str) -> tuple[str, bytes]:
    """Tell a password on the admin's page; return where that leads, and the page."""
    return Operator(visitor.address).tell_password(name, password)


@pytest.mark.parametrize("write", [str.lower, str.upper], ids=["lower", "upper"])
def test_an_operator_signs_in_by_password_mailed_code_and_phone(
    with_password: User,
    phone: Phone,
    visitor: Visitor,
    write: Callable[[str], str],
    recorded: Recorded,
) -> None:
    operator = Operator(visitor.address)
    before = len(recorded())

    path, page = operator.tell_password(write(with_password.email), PASSWORD)
    assert (path, b"A code was mailed" in page) == (PROOF, True)
    path, page = operator.tell(mailed_code(Challenge.objects.get()))
    assert (path, b"your authenticator app shows" in page) == (PROOF, True)
    path, page = operator.tell(phone.code())

    assert path == "/admin/"
    assert b"Operations" in page
    assert recorded()[before:] == [
        ("admin.signed_in", with_password.id, with_password.id, None, {})
    ]
    proved_at = datetime.fromisoformat(operator.browser.session[PROVED_AT])
    assert timezone.now() - proved_at < timedelta(minutes=1)


def test_the_first_sign_in_adds_an_authenticator(
    with_password: User, visitor: Visitor
) -> None:
    operator = Operator(visitor.address)
    operator.tell_password(with_password.email, PASSWORD)

    _, page = operator.tell(mailed_code(Challenge.objects.get()))
    secret = unseal(Authenticator.objects.get().sealed_secret)
    assert secret.encode() in page
    assert b"<svg" in page
    assert b"otpauth://totp/OpenCore:" in page
    assert operator.get(PROOF).count(secret.encode()) == page.count(secret.encode())
    path, page = operator.tell("000000")
    assert (path, b"This is not the code" in page) == (PROOF, True)
    path, _ = operator.tell(pyotp.TOTP(secret).now())

    assert path == "/admin/"
    assert Authenticator.objects.get().confirmed_at is not None


@pytest.mark.parametrize("done", [0, 1])
def test_who_has_not_told_all_codes_sees_no_page_of_the_admin(
    with_password: User, phone: Phone, visitor: Visitor, done: int
) -> None:
    operator = Operator(visitor.address)
    operator.tell_password(with_password.email, PASSWORD)
    for code in [mailed_code(Challenge.objects.get())][:done]:
        operator.tell(code)

    response = operator.browser.get("/admin/")

    assert (response.status_code, response["Location"]) == (
        302,
        "/admin/login/?next=/admin/",
    )


@pytest.mark.parametrize("right", [0, 1], ids=["mailed", "phone"])
def test_a_wrong_code_leads_no_further(
    with_password: User, phone: Phone, visitor: Visitor, right: int
) -> None:
    operator = Operator(visitor.address)
    operator.tell_password(with_password.email, PASSWORD)
    challenge = Challenge.objects.get()
    codes = [mailed_code(challenge), phone.code()]
    codes[right] = [wrong_code(challenge), phone.wrong_code()][right]

    for code in codes:
        path, page = operator.tell(code)

    assert (path, b"This is not the code" in page) == (PROOF, True)
    assert operator.browser.get("/admin/").status_code == 302


def test_ten_wrong_codes_of_the_phone_lock_the_operators_address(
    with_password: User, phone: Phone, visitor: Visitor
) -> None:
    operator = Operator(visitor.address)
    operator.tell_password(with_password.email, PASSWORD)
    operator.tell(mailed_code(Challenge.objects.get()))
    for _ in range(10):
        operator.tell(phone.wrong_code())

    path, page = operator.tell(phone.code())

    assert (path, b"locked for a while" in page) == (PROOF, True)


def test_nobody_skips_the_password(phone: Phone, visitor: Visitor) -> None:
    operator = Operator(visitor.address)

    assert operator.browser.get(PROOF)["Location"] == "/admin/login/"
    assert operator.browser.post(PROOF, {"code": phone.code()}).status_code == 403


@pytest.mark.parametrize(
    "happening",
    ["deactivated", "another password", "an hour"],
)
def test_a_sign_in_that_goes_on_ends_with_what_it_stands_on(
    with_password: User,
    phone: Phone,
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    happening: str,
) -> None:
    operator = Operator(visitor.address)
    operator.tell_password(with_password.email, PASSWORD)
    code = mailed_code(Challenge.objects.get())
    if happening == "deactivated":
        deactivate_user(user_id=with_password.id, actor_id=None, now=timezone.now())
    elif happening == "another password":
        set_password(user=with_password, password="another one", actor_id=None)
    else:
        monkeypatch.setattr("accounts.admin.signing_in.PENDING_FOR", timedelta())

    response = operator.post(PROOF, code=code)

    assert response["Location"] == "/admin/login/"
    assert Challenge.objects.get().attempts == 0


def test_it_leads_where_the_operator_was_going(
    with_password: User, phone: Phone, visitor: Visitor
) -> None:
    operator = Operator(visitor.address)
    operator.tell_password(
        with_password.email, PASSWORD, going_to="/admin/outbox/deadletter/"
    )
    operator.tell(mailed_code(Challenge.objects.get()))

    path, _ = operator.tell(phone.code())

    assert path == "/admin/outbox/deadletter/"


def test_who_is_in_is_asked_for_nothing(client: Client, operator: User) -> None:
    assert client.get("/admin/login/")["Location"] == "/admin/"


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

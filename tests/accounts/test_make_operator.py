"""`manage.py make_operator`: how the first operator of a deployment comes to be."""

import getpass
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from tests.accounts.conftest import Recorded
from tests.accounts.phone import phone_of

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"


class Terminal(StringIO):
    """An input that a person types at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(f"{PASSWORD}\n"))


def make_operator(*arguments: str) -> str:
    out = StringIO()
    call_command("make_operator", *arguments, stdout=out)
    return out.getvalue()


def test_somebody_unknown_becomes_an_operator(recorded: Recorded) -> None:
    said = make_operator("grace@example.com")

    grace = User.objects.get()
    assert said == (
        "grace@example.com is an operator and signs in at /admin/ with this password,"
        " a code that is mailed, and an authenticator, which the first sign-in adds.\n"
    )
    assert (grace.role, grace.is_staff) == ("operator", True)
    assert grace.check_password(PASSWORD)
    assert [(action, actor) for action, actor, *_ in recorded()] == [
        ("user.created", grace.id),
        ("user.role_changed", None),
        ("user.password_set", None),
    ]


def test_a_user_becomes_an_operator(ada: User, recorded: Recorded) -> None:
    make_operator("ADA@example.com")

    ada.refresh_from_db()
    assert (ada.role, ada.check_password(PASSWORD)) == ("operator", True)
    assert [action for action, *_ in recorded()] == [
        "user.role_changed",
        "user.password_set",
    ]


def test_an_operator_gets_a_new_password(operator: User, recorded: Recorded) -> None:
    make_operator(operator.email)

    operator.refresh_from_db()
    assert operator.check_password(PASSWORD)
    assert [action for action, *_ in recorded()] == ["user.password_set"]


def test_who_lost_the_phone_adds_another_at_the_next_sign_in(
    operator: User, recorded: Recorded
) -> None:
    phone = phone_of(operator)
    before = len(recorded())

    make_operator(operator.email, "--forget-authenticator")

    assert not operator.authenticators.exists()
    assert recorded()[before:][-1] == (
        "authenticator.removed",
        None,
        phone.authenticator_id,
        None,
        {},
    )


@pytest.mark.parametrize(
    ("email", "what"),
    [
        ("grace@example.com", "become a user and an operator, with a password"),
        ("ada@example.com", "become an operator, with a password"),
    ],
    ids=["unknown", "user"],
)
def test_a_dry_run_says_what_would_change_and_changes_nothing(
    ada: User, recorded: Recorded, email: str, what: str
) -> None:
    said = make_operator(email, "--dry-run")

    assert said == f"Nothing was changed; {email} would {what}.\n"
    assert (User.objects.count(), recorded()) == (1, [])


def test_a_dry_run_for_an_operator_speaks_of_the_password(operator: User) -> None:
    said = make_operator(operator.email, "--dry-run")

    assert said.endswith("would get a new password.\n")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("short", "at least 12 characters"),
        ("", "at least 12 characters"),
        ("startfinding", "too common"),
        ("grace@example.com", "too similar to the email"),
    ],
    ids=["short", "empty", "common", "address"],
)
def test_a_weak_password_is_refused(
    monkeypatch: pytest.MonkeyPatch, typed: str, why: str
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(f"{typed}\n"))

    with pytest.raises(CommandError, match=why):
        make_operator("grace@example.com")

    assert User.objects.count() == 0


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(CommandError, match="'grace' is no e-mail address"):
        make_operator("grace")

    assert User.objects.count() == 0


def test_on_a_terminal_the_password_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = iter([PASSWORD, "another horse battery"])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(typed))

    with pytest.raises(CommandError, match="differ; nothing was changed"):
        make_operator("grace@example.com")

    assert User.objects.count() == 0

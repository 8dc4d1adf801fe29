"""Who has an authenticator signs in with it, and not by the mailed code alone."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.errors import CodeExpired, CodeInvalid
from accounts.models import Authenticator, Challenge, RecoveryCode, Session, User
from accounts.services import (
    deactivate_user,
    make_recovery_codes,
    verify_second_factor,
)
from accounts.services.sessions import BY_TWO_FACTORS
from opencore.events.user.v1 import RecoveryCodeUsed
from opencore.tokens import read_access
from tests.accounts.browser import browser_of
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.phone import Phone, phone_of, ticket_of, told
from tests.accounts.visitor import Visitor
from tests.api import assert_problem, body_of

pytestmark = pytest.mark.django_db

MFA = "/v1/auth/mfa/verify"


@pytest.fixture
def phone(ada: User) -> Phone:
    return phone_of(ada)


@pytest.fixture
def ticket(ada: User, phone: Phone, visitor: Visitor) -> str:
    """What ada got for the mailed code."""
    return ticket_of(visitor, ada.email)


def test_the_mailed_code_alone_is_not_enough(
    ada: User, phone: Phone, visitor: Visitor
) -> None:
    response = told(visitor, ada.email)

    answer = body_of(response)
    assert response.status_code == 202
    assert response["Cache-Control"] == "no-store"
    assert len(answer.pop("ticket")) == 76
    assert answer == {"mfa_required": True, "expires_in": 300, "factors": ["totp"]}
    assert Session.objects.count() == 0
    ada.refresh_from_db()
    assert ada.last_login is None


def test_an_authenticator_that_was_never_confirmed_is_not_asked_for(
    ada: User, phone: Phone, visitor: Visitor
) -> None:
    Authenticator.objects.update(confirmed_at=None)

    assert told(visitor, ada.email).status_code == 200


def test_both_codes_sign_in(
    ada: User, phone: Phone, ticket: str, visitor: Visitor
) -> None:
    response = visitor.post(MFA, {"ticket": ticket, "code": phone.code()})

    answer, session = body_of(response), Session.objects.get()
    access = read_access(answer["access_token"])
    assert response.status_code == 200
    assert answer["user"]["id"] == str(ada.id)
    assert (access.assurance, access.methods) == (2, ("otp", "mfa"))
    assert (access.session_id, access.authenticated_at) == (
        session.id,
        session.authenticated_at.replace(microsecond=0)
        if session.authenticated_at
        else None,
    )
    assert (session.assurance, session.ip) == (2, visitor.address)


def test_a_wrong_code_is_refused_and_counted(
    phone: Phone, ticket: str, visitor: Visitor
) -> None:
    response = visitor.post(MFA, {"ticket": ticket, "code": phone.wrong_code()})

    assert_problem(response, 400, "code_invalid")
    pending = Challenge.objects.get(purpose="second_factor")
    assert (pending.attempts, pending.consumed_at) == (1, None)
    assert (
        visitor.post(MFA, {"ticket": ticket, "code": phone.code()}).status_code == 200
    )


def test_five_wrong_codes_use_a_ticket_up(
    phone: Phone, ticket: str, visitor: Visitor
) -> None:
    wrong = {"ticket": ticket, "code": phone.wrong_code()}
    for _ in range(5):
        assert_problem(visitor.post(MFA, wrong), 400, "code_invalid")

    response = visitor.post(MFA, {"ticket": ticket, "code": phone.code()})

    assert_problem(response, 429, "too_many_attempts")
    assert Session.objects.count() == 0


def test_ten_wrong_codes_lock_the_address_over_all_tickets(
    ada: User, phone: Phone, visitor: Visitor, settings: Settings
) -> None:
    settings.CODE_RESEND_AFTER = timedelta()
    for _ in range(2):
        ticket = ticket_of(visitor, ada.email)
        for _ in range(5):
            visitor.post(MFA, {"ticket": ticket, "code": phone.wrong_code()})

    response = visitor.post("/v1/auth/otp", {"email": ada.email})

    assert_problem(response, 429, "sign_in_locked")


def test_a_ticket_is_good_once(phone: Phone, ticket: str, visitor: Visitor) -> None:
    visitor.post(MFA, {"ticket": ticket, "code": phone.code()})

    newer = phone.unused_code()
    response = visitor.post(MFA, {"ticket": ticket, "code": newer})

    assert_problem(response, 400, "code_invalid")
    assert Session.objects.count() == 1


def test_a_code_is_good_once(
    ada: User, phone: Phone, ticket: str, visitor: Visitor, settings: Settings
) -> None:
    settings.CODE_RESEND_AFTER = timedelta()
    code = phone.code()
    visitor.post(MFA, {"ticket": ticket, "code": code})

    again = {"ticket": ticket_of(visitor, ada.email), "code": code}

    assert_problem(visitor.post(MFA, again), 400, "code_invalid")
    assert Session.objects.count() == 1


@pytest.mark.parametrize(
    ("steps", "good"), [(-2, False), (-1, True), (1, True), (2, False)]
)
def test_the_clock_of_a_phone_may_be_half_a_minute_wrong(
    phone: Phone, ticket: str, steps: int, good: bool
) -> None:
    now = timezone.now()
    code = phone.code(now + timedelta(seconds=30 * steps))

    def tell() -> None:
        verify_second_factor(ticket=ticket, code=code, ip=None, user_agent="", now=now)

    if good:
        tell()
    else:
        with pytest.raises(CodeInvalid):
            tell()
    assert Session.objects.count() == int(good)


def test_a_ticket_ends_after_five_minutes(phone: Phone, ticket: str) -> None:
    late = timezone.now() + timedelta(minutes=5)

    with pytest.raises(CodeExpired):
        verify_second_factor(
            ticket=ticket, code=phone.code(late), ip=None, user_agent="", now=late
        )


def test_the_next_sign_in_replaces_a_ticket(
    ada: User, phone: Phone, ticket: str, visitor: Visitor, settings: Settings
) -> None:
    settings.CODE_RESEND_AFTER = timedelta()
    ticket_of(visitor, ada.email)

    response = visitor.post(MFA, {"ticket": ticket, "code": phone.code()})

    assert_problem(response, 400, "code_invalid")


def test_a_ticket_can_not_be_made_up(
    phone: Phone, ticket: str, visitor: Visitor
) -> None:
    made_up = f"{ticket.partition('.')[0]}.{'x' * 43}"

    response = visitor.post(MFA, {"ticket": made_up, "code": phone.code()})

    assert_problem(response, 400, "code_invalid")
    assert Challenge.objects.get(purpose="second_factor").attempts == 0


def test_a_mailed_challenge_is_no_ticket(
    ada: User, phone: Phone, visitor: Visitor
) -> None:
    visitor.post("/v1/auth/otp", {"email": ada.email})
    challenge = Challenge.objects.get()
    made_up = f"{challenge.id.hex}.{'x' * 43}"

    response = visitor.post(MFA, {"ticket": made_up, "code": phone.code()})

    assert_problem(response, 400, "code_invalid")


def test_the_code_of_another_persons_phone_is_wrong(
    ticket: str, mallory: User, visitor: Visitor
) -> None:
    theirs = phone_of(mallory)

    response = visitor.post(MFA, {"ticket": ticket, "code": theirs.code()})

    assert_problem(response, 400, "code_invalid")


def test_who_was_deactivated_meanwhile_is_not_let_in(
    ada: User, phone: Phone, ticket: str, visitor: Visitor
) -> None:
    deactivate_user(user_id=ada.id, actor_id=None, now=timezone.now())

    response = visitor.post(MFA, {"ticket": ticket, "code": phone.code()})

    assert_problem(response, 403, "account_deactivated")
    assert Session.objects.count() == 0


def test_who_moved_to_another_address_meanwhile_needs_a_code_from_there(
    ada: User, phone: Phone, ticket: str, visitor: Visitor
) -> None:
    User.objects.filter(id=ada.id).update(email="ada@example.org")

    response = visitor.post(MFA, {"ticket": ticket, "code": phone.code()})

    assert_problem(response, 400, "code_invalid")
    assert Session.objects.count() == 0


def test_a_ticket_counts_as_no_mailed_code(
    ada: User, phone: Phone, visitor: Visitor, settings: Settings
) -> None:
    settings.CODE_RESEND_AFTER, settings.CODES_PER_HOUR = timedelta(), 3

    for _ in range(3):
        assert told(visitor, ada.email).status_code == 202


@pytest.fixture
def codes(ada: User, phone: Phone) -> list[str]:
    """Recovery codes of ada."""
    session = browser_of(ada, methods=BY_TWO_FACTORS).session
    codes = make_recovery_codes(
        user_id=ada.id, session_id=session.id, now=timezone.now()
    )
    Session.objects.all().delete()
    return codes


def test_a_recovery_code_stands_in_for_the_phone_once(
    ada: User,
    codes: list[str],
    visitor: Visitor,
    settings: Settings,
    emitted: Emitted,
    recorded: Recorded,
) -> None:
    settings.CODE_RESEND_AFTER = timedelta()
    asked = body_of(told(visitor, ada.email))
    before = len(emitted())

    response = visitor.post(
        MFA, {"ticket": asked["ticket"], "code": codes[3].replace("-", "").upper()}
    )

    assert response.status_code == 200
    assert asked["factors"] == ["totp", "recovery_code"]
    assert read_access(body_of(response)["access_token"]).assurance == 2
    assert RecoveryCode.objects.exclude(used_at=None).count() == 1
    assert emitted()[before:] == [RecoveryCodeUsed(user_id=ada.id, left=9)]
    assert recorded()[0] == (
        "recovery_code.used",
        ada.id,
        ada.id,
        None,
        {"left": "9"},
    )
    again = {"ticket": ticket_of(visitor, ada.email), "code": codes[3]}
    assert_problem(visitor.post(MFA, again), 400, "code_invalid")


def test_a_recovery_code_of_another_spelling_is_wrong(
    ada: User, codes: list[str], visitor: Visitor
) -> None:
    last = "a" if codes[0][-1] != "a" else "b"
    wrong = {"ticket": ticket_of(visitor, ada.email), "code": codes[0][:-1] + last}

    assert_problem(visitor.post(MFA, wrong), 400, "code_invalid")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"code": "12345"}, "/code"),
        ({"code": "1234567"}, "/code"),
        ({"code": "abcd-efghj"}, "/code"),
        ({"ticket": "x"}, "/ticket"),
    ],
    ids=["too short", "too long", "half a recovery code", "no ticket"],
)
def test_refuses_a_malformed_answer_without_counting_it(
    ticket: str, visitor: Visitor, changes: dict[str, str], pointer: str
) -> None:
    body = {"ticket": ticket, "code": "123456", **changes}

    assert_problem(visitor.post(MFA, body), 400, "validation_error", pointer)

    assert Challenge.objects.get(purpose="second_factor").attempts == 0

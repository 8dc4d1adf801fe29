"""Signing in by the code that went to an address."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from accounts.errors import CodeExpired
from accounts.models import AuditEntry, Challenge, Session, User
from accounts.services import (
    SignedIn,
    create_organization,
    deactivate_user,
    request_code,
    verify_code,
)
from opencore.events.auth.v1 import SignInCodeRequested
from opencore.events.user.v1 import UserCreated
from opencore.tokens import read_access, read_refresh
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.inviting import invited
from tests.accounts.visitor import Visitor, mailed_code, wrong_code
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db

OTP = "/v1/auth/otp"
VERIFY = "/v1/auth/otp/verify"
ADA = "ada@example.com"


@pytest.fixture
def challenge() -> Challenge:
    """A code that is on its way to ada's address."""
    asked = request_code(
        email=ADA, ip=None, user_agent="", now=timezone.now() - timedelta(minutes=1)
    )
    return Challenge.objects.get(id=asked.challenge_id)


def answer_to(challenge: Challenge, code: str) -> dict[str, str]:
    """Return the body that tells a code."""
    return {"challenge_id": str(challenge.id), "code": code}


def test_answers_with_codes_and_tokens_are_not_to_be_kept(
    visitor: Visitor, challenge: Challenge
) -> None:
    asked = visitor.post(OTP, {"email": "grace@example.com"})
    told = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    assert (asked["Cache-Control"], told["Cache-Control"]) == ("no-store", "no-store")


def test_the_right_code_signs_in(visitor: Visitor, challenge: Challenge) -> None:
    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    user, session = User.objects.get(), Session.objects.get()
    answer = body_of(response)
    access = read_access(answer.pop("access_token"))
    refresh = read_refresh(answer.pop("refresh_token"))
    assert response.status_code == 200
    assert (access.user_id, access.session_id, access.role) == (
        user.id,
        session.id,
        "user",
    )
    assert (refresh.user_id, refresh.session_id, refresh.generation) == (
        user.id,
        session.id,
        1,
    )
    assert answer == {
        "token_type": "Bearer",
        "expires_in": 600,
        "user": {
            "id": str(user.id),
            "email": ADA,
            "name": "",
            "locale": "en",
            "time_zone": "UTC",
            "role": "user",
            "created_at": user.created_at.isoformat().replace("+00:00", "Z"),
        },
        "invitations": [],
    }
    assert (session.user_id, session.ip, session.user_agent) == (
        user.id,
        visitor.address,
        "Browser/1",
    )


def test_a_first_sign_in_makes_a_user_and_tells_of_it(
    visitor: Visitor, challenge: Challenge, emitted: Emitted, recorded: Recorded
) -> None:
    visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    user, session = User.objects.get(), Session.objects.get()
    assert (user.email, user.has_usable_password()) == (ADA, False)
    assert emitted() == [UserCreated(user_id=user.id, email=ADA)]
    assert recorded() == [
        ("user.created", user.id, user.id, None, {}),
        ("session.created", user.id, session.id, None, {}),
    ]


def test_the_record_names_the_request(visitor: Visitor, challenge: Challenge) -> None:
    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    entries = AuditEntry.objects.values_list("request_id", flat=True)
    assert list(entries) == [response["X-Request-ID"]] * 2


def test_a_second_sign_in_finds_the_user_however_the_address_is_written(
    ada: User, visitor: Visitor, emitted: Emitted
) -> None:
    visitor.post(OTP, {"email": "ADA@Example.com"})
    challenge = Challenge.objects.get()

    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    assert body_of(response)["user"]["id"] == str(ada.id)
    assert User.objects.get() == ada
    (only,) = emitted()
    assert isinstance(only, SignInCodeRequested)


def test_a_sign_in_that_breaks_off_leaves_nothing_but_the_attempt(
    challenge: Challenge, settings: Settings, emitted: Emitted, recorded: Recorded
) -> None:
    settings.JWT_SIGNING_KEY = ""

    with pytest.raises(ImproperlyConfigured):
        tell(challenge, at=timezone.now())

    challenge.refresh_from_db()
    assert (challenge.attempts, challenge.consumed_at) == (1, None)
    assert (User.objects.count(), Session.objects.count()) == (0, 0)
    assert (emitted(), recorded()) == ([], [])


def test_no_transaction_can_take_an_attempt_back(challenge: Challenge) -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        tell(challenge, at=timezone.now())


def test_a_wrong_code_is_refused_and_counted(
    visitor: Visitor, challenge: Challenge, emitted: Emitted, recorded: Recorded
) -> None:
    response = visitor.post(VERIFY, answer_to(challenge, wrong_code(challenge)))

    assert_problem(response, 400, "code_invalid")
    challenge.refresh_from_db()
    assert (challenge.attempts, challenge.consumed_at) == (1, None)
    assert (User.objects.count(), emitted(), recorded()) == (0, [], [])


def test_after_four_wrong_codes_the_right_one_is_good(
    visitor: Visitor, challenge: Challenge
) -> None:
    guess_wrong(visitor, challenge, times=4)

    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    assert response.status_code == 200


def test_after_five_wrong_codes_even_the_right_one_is_refused(
    visitor: Visitor, challenge: Challenge
) -> None:
    guess_wrong(visitor, challenge, times=5)

    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    assert_problem(response, 429, "too_many_attempts")
    challenge.refresh_from_db()
    assert (challenge.attempts, challenge.consumed_at) == (5, None)
    assert User.objects.count() == 0


def guess_wrong(visitor: Visitor, challenge: Challenge, *, times: int) -> None:
    """Tell wrong codes, each of which is looked at."""
    for _ in range(times):
        response = visitor.post(VERIFY, answer_to(challenge, wrong_code(challenge)))
        assert_problem(response, 400, "code_invalid")


def test_wrong_codes_of_one_challenge_do_not_count_against_the_next(
    visitor: Visitor, challenge: Challenge
) -> None:
    guess_wrong(visitor, challenge, times=5)
    visitor.post(OTP, {"email": ADA})
    newer = Challenge.objects.live().get()

    response = visitor.post(VERIFY, answer_to(newer, mailed_code(newer)))

    assert response.status_code == 200


def test_a_code_is_good_until_its_end(challenge: Challenge) -> None:
    signed_in = tell(challenge, at=challenge.expires_at - timedelta(microseconds=1))

    assert signed_in.user.email == ADA
    assert challenge.expires_at == challenge.created_at + timedelta(minutes=10)


def test_a_code_is_refused_from_its_end_on(challenge: Challenge) -> None:
    with pytest.raises(CodeExpired):
        tell(challenge, at=challenge.expires_at)

    challenge.refresh_from_db()
    assert (challenge.attempts, User.objects.count()) == (0, 0)


def tell(challenge: Challenge, *, at: datetime) -> SignedIn:
    """Tell the right code at a time."""
    outcome = verify_code(
        challenge_id=challenge.id,
        code=mailed_code(challenge),
        ip=None,
        user_agent="",
        now=at,
    )
    assert isinstance(outcome, SignedIn)
    return outcome


def test_an_expired_code_is_said_to_be_expired(visitor: Visitor) -> None:
    asked = request_code(
        email=ADA, ip=None, user_agent="", now=timezone.now() - timedelta(minutes=11)
    )
    challenge = Challenge.objects.get(id=asked.challenge_id)

    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    assert_problem(response, 400, "code_expired")


def test_a_used_code_is_good_for_nothing(
    visitor: Visitor, challenge: Challenge
) -> None:
    visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    assert_problem(response, 400, "code_invalid")
    assert Session.objects.count() == 1


def test_a_newer_code_replaces_the_older_one(
    visitor: Visitor, challenge: Challenge
) -> None:
    visitor.post(OTP, {"email": "Ada@EXAMPLE.com"})

    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    assert_problem(response, 400, "code_invalid")
    challenge.refresh_from_db()
    assert challenge.attempts == 0


def test_the_code_of_another_challenge_is_wrong(
    visitor: Visitor, challenge: Challenge
) -> None:
    visitor.post(OTP, {"email": "mallory@example.com"})
    other = Challenge.objects.get(email="mallory@example.com")

    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(other)))

    assert_problem(response, 400, "code_invalid")


def test_an_unknown_challenge_is_a_wrong_code(visitor: Visitor) -> None:
    body = {"challenge_id": str(uuid4()), "code": "12345678"}

    assert_problem(visitor.post(VERIFY, body), 400, "code_invalid")


def test_a_deactivated_person_is_not_let_in(
    ada: User, visitor: Visitor, challenge: Challenge
) -> None:
    deactivate_user(user_id=ada.id, actor_id=None, now=timezone.now())

    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    assert_problem(response, 403, "account_deactivated")
    assert Session.objects.count() == 0


@pytest.mark.parametrize("path", [OTP, VERIFY])
@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        ("{", ()),
        ('{"email": NaN}', ()),
        ('{"email": "a@example.com", "email": "b@example.com"}', ("/email",)),
    ],
    ids=["cut off", "not a number", "a key twice"],
)
def test_refuses_what_is_not_json(
    visitor: Visitor, path: str, text: str, pointers: tuple[str, ...]
) -> None:
    assert_problem(visitor.post_text(path, text), 400, "malformed_request", *pointers)


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"email": ADA}, ["/email"]),
        ({"code": 12345678}, ["/code"]),
        ({"code": "1234567"}, ["/code"]),
        ({"code": "1234567x"}, ["/code"]),
        ({"code": "١٢٣٤٥٦٧٨"}, ["/code"]),
        ({"challenge_id": "x"}, ["/challenge_id"]),
        ({"challenge_id": None, "code": None}, ["/challenge_id", "/code"]),
    ],
    ids=[
        "unknown field",
        "number",
        "too short",
        "a letter",
        "other digits",
        "no id",
        "nulls",
    ],
)
def test_refuses_a_malformed_answer_without_counting_it(
    visitor: Visitor,
    challenge: Challenge,
    changes: dict[str, object],
    pointers: list[str],
) -> None:
    body = {**answer_to(challenge, "12345678"), **changes}

    assert_problem(visitor.post(VERIFY, body), 400, "validation_error", *pointers)

    challenge.refresh_from_db()
    assert challenge.attempts == 0


def test_one_answer_too_many_from_one_place_has_to_wait(
    visitor: Visitor, challenge: Challenge, settings: Settings
) -> None:
    settings.CODE_VERIFY_RATE = "2/d"
    guess_wrong(visitor, challenge, times=2)

    response = visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge)))

    assert_problem(response, 429, "rate_limited")
    challenge.refresh_from_db()
    assert (challenge.attempts, User.objects.count()) == (2, 0)


def test_who_signs_in_sees_what_they_are_invited_to(
    grace: User, visitor: Visitor, challenge: Challenge
) -> None:
    acme = create_organization(name="Acme", actor_id=grace.id)
    made = invited(acme, grace, ADA.upper())
    invited(acme, grace, "somebody@example.com")

    answer = body_of(visitor.post(VERIFY, answer_to(challenge, mailed_code(challenge))))

    (shown,) = answer["invitations"]
    assert (shown["id"], shown["organization"]["name"]) == (str(made.id), "Acme")
    joined = Api(UUID(answer["user"]["id"])).post(
        f"/v1/users/me/invitations/{shown['id']}/accept"
    )
    assert joined.status_code == 200

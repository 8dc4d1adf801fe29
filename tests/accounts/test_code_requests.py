"""Asking for a sign-in code: anybody may, and learns nothing from it."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Challenge, User
from accounts.services import delete_stale_challenges, request_code
from opencore.errors import RateLimited
from opencore.events.auth.v1 import SignInCodeRequested
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.visitor import Visitor, mailed_code
from tests.api import assert_problem, body_of

pytestmark = pytest.mark.django_db

OTP = "/v1/auth/otp"
ADA = "ada@example.com"


def test_a_known_and_an_unknown_address_get_the_same_answer(
    ada: User, visitor: Visitor
) -> None:
    known = visitor.post(OTP, {"email": ada.email})
    unknown = visitor.post(OTP, {"email": "nobody@example.com"})

    assert (known.status_code, unknown.status_code) == (202, 202)
    assert dict(known.items()).keys() == dict(unknown.items()).keys()
    first, second = body_of(known), body_of(unknown)
    assert first.pop("challenge_id") != second.pop("challenge_id")
    assert first == second == {"expires_in": 600, "resend_after": 60}


def test_the_code_goes_out_sealed_in_an_event_alone(
    visitor: Visitor, emitted: Emitted
) -> None:
    response = visitor.post(OTP, {"email": ADA})

    challenge = Challenge.objects.get()
    (event,) = emitted()
    code = mailed_code(challenge)
    assert isinstance(event, SignInCodeRequested)
    assert (event.challenge_id, event.email) == (challenge.id, ADA)
    assert event.expires_at == challenge.created_at + timedelta(minutes=10)
    assert (len(code), code.isdigit()) == (8, True)
    assert code not in str(event)
    assert code not in response.getvalue().decode() + str(dict(response.items()))
    assert code.encode() not in bytes(challenge.code_hmac)


def test_asking_makes_nobody_a_user(visitor: Visitor, recorded: Recorded) -> None:
    visitor.post(OTP, {"email": ADA})

    assert User.objects.count() == 0
    assert recorded() == []


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/email"]),
        ([], [""]),
        ({"email": ADA, "name": "Ada"}, ["/name"]),
        ({"email": "ada"}, ["/email"]),
        ({"email": "adа@example.com"}, ["/email"]),  # noqa: RUF001 -- a Cyrillic letter
        ({"email": 7}, ["/email"]),
        ({"email": None}, ["/email"]),
        ({"email": f"{'a' * 250}@example.com"}, ["/email"]),
    ],
    ids=[
        "missing",
        "no object",
        "unknown field",
        "no address",
        "other letters",
        "number",
        "null",
        "too long",
    ],
)
def test_refuses_a_request_for_a_code_and_sends_none(
    visitor: Visitor, emitted: Emitted, body: object, pointers: list[str]
) -> None:
    assert_problem(visitor.post(OTP, body), 400, "validation_error", *pointers)

    assert (Challenge.objects.count(), emitted()) == (0, [])


def test_one_request_too_many_from_one_place_has_to_wait(
    visitor: Visitor, settings: Settings
) -> None:
    settings.CODE_REQUEST_RATE = "2/d"
    for number in range(2):
        response = visitor.post(OTP, {"email": f"ada{number}@example.com"})
        assert response.status_code == 202

    response = visitor.post(OTP, {"email": ADA})

    assert_problem(response, 429, "rate_limited")
    assert 1 <= int(response["Retry-After"]) <= 24 * 3600
    assert Challenge.objects.filter(email=ADA).count() == 0


def test_an_address_is_sent_so_many_codes_an_hour(settings: Settings) -> None:
    settings.CODES_PER_HOUR = 2
    now = timezone.now()
    ask(now - timedelta(minutes=59))
    ask(now - timedelta(minutes=30))

    with pytest.raises(RateLimited) as refusal:
        ask(now)

    assert refusal.value.headers == {"Retry-After": "60"}
    assert Challenge.objects.count() == 2
    ask(now + timedelta(minutes=1))


def ask(now: datetime) -> UUID:
    """Ask for a code to ada's address."""
    return request_code(email=ADA, ip=None, user_agent="", now=now).challenge_id


def test_the_next_code_can_be_asked_for_when_the_answer_says(
    visitor: Visitor,
) -> None:
    asked_at = timezone.now() - timedelta(seconds=30)
    wait = request_code(email=ADA, ip=None, user_agent="", now=asked_at).resend_after

    early = visitor.post(OTP, {"email": "Ada@EXAMPLE.com"})

    assert_problem(early, 429, "rate_limited")
    assert int(early["Retry-After"]) in range(20, 31)
    assert wait == timedelta(minutes=1)
    assert ask(asked_at + wait) == Challenge.objects.live().get().id


@pytest.mark.parametrize(
    ("passed", "left"), [(0, "60"), (0.5, "60"), (59, "1"), (59.999, "1")]
)
def test_retry_after_is_exact(passed: float, left: str) -> None:
    now = timezone.now()
    ask(now)

    with pytest.raises(RateLimited) as refusal:
        ask(now + timedelta(seconds=passed))

    assert refusal.value.headers == {"Retry-After": left}
    assert Challenge.objects.count() == 1


@pytest.mark.parametrize(
    ("ip", "neighbor"),
    [
        ("192.0.2.7", "192.0.2.8"),
        ("2001:db8:0:1::7", "2001:db8:0:2::7"),
    ],
    ids=["IPv4", "IPv6"],
)
def test_a_client_is_given_so_many_codes_an_hour_for_whatever_addresses(
    settings: Settings, ip: str, neighbor: str
) -> None:
    settings.CODES_PER_HOUR_OF_CLIENT = 2
    now = timezone.now()
    ask_from(ip, now - timedelta(minutes=50), "grace@example.com")
    ask_from(ip, now, "mallory@example.com")

    with pytest.raises(RateLimited) as refusal:
        ask_from(ip, now)

    assert refusal.value.headers == {"Retry-After": "600"}
    assert Challenge.objects.count() == 2
    ask_from(neighbor, now)


def test_all_addresses_of_an_ipv6_network_are_one_client(settings: Settings) -> None:
    settings.CODES_PER_HOUR_OF_CLIENT = 2
    now = timezone.now()
    ask_from("2001:db8:0:1::", now, "grace@example.com")
    ask_from("2001:db8:0:1:ffff:ffff:ffff:ffff", now, "mallory@example.com")

    with pytest.raises(RateLimited):
        ask_from("2001:db8:0:1::7", now)


def ask_from(ip: str, now: datetime, email: str = ADA) -> None:
    """Ask for a code from a place."""
    request_code(email=email, ip=ip, user_agent="", now=now)


def test_challenges_are_forgotten_after_a_day() -> None:
    now = timezone.now()
    ask(now - timedelta(days=1, minutes=1))
    kept = ask(now - timedelta(days=1))

    assert delete_stale_challenges(now=now) == 1

    assert Challenge.objects.get().id == kept

"""Lock-outs: who guesses codes gets ten an hour, whoever has the address."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.errors import CodeInvalid, SignInLocked
from accounts.models import AddressLock, Challenge, User
from accounts.services import (
    delete_stale_locks,
    issue_challenge,
    redeem_challenge,
    refresh_session,
)
from accounts.services.locking import lock_time
from accounts.services.sessions import open_session
from opencore.events.user.v1 import AccountLocked
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.visitor import Visitor, mailed_code, wrong_code
from tests.api import assert_problem

pytestmark = pytest.mark.django_db

Purpose = Challenge.Purpose
NOW = timezone.now()
ADA = "ada@example.com"


@pytest.fixture(autouse=True)
def _codes_are_to_be_had(settings: Settings) -> None:
    settings.CODE_RESEND_AFTER = timedelta(0)
    settings.CODES_PER_HOUR = 1000


def issued(
    at: datetime, *, email: str = ADA, purpose: Purpose = Purpose.LOGIN
) -> Challenge:
    """Return a challenge that was issued at a time."""
    asked = issue_challenge(
        purpose=purpose, email=email, ip=None, user_agent="", now=at
    )
    return Challenge.objects.get(id=asked.challenge_id)


def tell(challenge: Challenge, code: str, at: datetime) -> None:
    """Tell a code."""
    redeem_challenge(
        challenge_id=challenge.id,
        purpose=Purpose(challenge.purpose),
        code=code,
        now=at,
    )


def guess(times: int, at: datetime, *, email: str = ADA) -> None:
    """Tell wrong codes of as many challenges as that takes."""
    for number in range(times):
        challenge = guessed_at(number, at, email)
        with pytest.raises(CodeInvalid):
            tell(challenge, wrong_code(challenge), at)


def guessed_at(number: int, at: datetime, email: str) -> Challenge:
    """Return the live challenge of an address, a new one for every fourth guess."""
    newest = Challenge.objects.live().filter(email=email).last()
    return newest if newest is not None and number % 4 else issued(at, email=email)


def test_ten_wrong_codes_over_all_challenges_lock_the_address() -> None:
    guess(10, NOW)

    with pytest.raises(SignInLocked) as refusal:
        issued(NOW + timedelta(minutes=1))

    assert refusal.value.headers == {"Retry-After": "840"}
    assert Challenge.objects.live().count() == 0


def test_nine_wrong_codes_lock_nothing() -> None:
    guess(9, NOW)

    challenge = issued(NOW)

    tell(challenge, mailed_code(challenge), NOW)
    assert AddressLock.objects.get().failures == 9


def test_wrong_codes_of_every_purpose_count_together() -> None:
    guess(9, NOW)
    challenge = issued(NOW, purpose=Purpose.ADMIN_LOGIN)

    with pytest.raises(CodeInvalid):
        tell(challenge, wrong_code(challenge), NOW)

    with pytest.raises(SignInLocked):
        issued(NOW, purpose=Purpose.STEP_UP)


def test_the_right_code_during_a_lock_is_refused_as_a_wrong_one_is() -> None:
    pending = issued(NOW, purpose=Purpose.STEP_UP)
    right, wrong = mailed_code(pending), wrong_code(pending)
    guess(10, NOW)

    with pytest.raises(SignInLocked) as told_right:
        tell(pending, right, NOW)
    with pytest.raises(SignInLocked) as told_wrong:
        tell(pending, wrong, NOW)

    assert told_right.value.headers == told_wrong.value.headers
    pending.refresh_from_db()
    assert (pending.attempts, pending.superseded_at) == (0, NOW)


def test_a_code_of_before_the_lock_is_good_for_nothing_after_it() -> None:
    pending = issued(NOW, purpose=Purpose.STEP_UP)
    guess(10, NOW)

    with pytest.raises(CodeInvalid):
        tell(pending, mailed_code(pending), NOW + timedelta(minutes=15))


def test_after_the_lock_a_new_code_is_good() -> None:
    guess(10, NOW)
    after = NOW + timedelta(minutes=15)

    challenge = issued(after)

    tell(challenge, mailed_code(challenge), after)
    assert Challenge.objects.get(id=challenge.id).consumed_at == after


def test_wrong_codes_of_more_than_an_hour_ago_count_no_more() -> None:
    guess(9, NOW)

    guess(9, NOW + timedelta(hours=1))

    assert AddressLock.objects.get().locked_until is None


def test_at_the_worst_eighteen_guesses_are_looked_at_within_sixty_minutes() -> None:
    guess(1, NOW)
    guess(8, NOW + timedelta(minutes=59))

    guess(10, NOW + timedelta(minutes=60))

    lock = AddressLock.objects.get()
    assert lock.locked_until == NOW + timedelta(minutes=75)


def test_the_right_code_is_not_counted_as_a_guess() -> None:
    for _ in range(11):
        challenge = issued(NOW)
        tell(challenge, mailed_code(challenge), NOW)

    assert AddressLock.objects.get().failures == 0


def test_each_lock_in_a_row_is_twice_as_long() -> None:
    guess(10, NOW)
    again = NOW + timedelta(minutes=15)

    guess(10, again)

    assert AddressLock.objects.get().locked_until == again + timedelta(minutes=30)


def test_after_a_day_without_a_lock_the_next_one_is_short_again() -> None:
    guess(10, NOW)
    later = NOW + timedelta(minutes=15, days=1)

    guess(10, later)

    assert AddressLock.objects.get().locked_until == later + timedelta(minutes=15)


@pytest.mark.parametrize(
    ("locks", "minutes"), [(0, 15), (1, 30), (6, 960), (7, 1440), (9999, 1440)]
)
def test_no_lock_is_longer_than_a_day(locks: int, minutes: int) -> None:
    assert lock_time(locks) == timedelta(minutes=minutes)


def test_a_lock_is_of_one_address_however_it_is_written() -> None:
    guess(10, NOW)

    with pytest.raises(SignInLocked):
        issued(NOW, email="ADA@Example.com")

    assert issued(NOW, email="grace@example.com").attempts == 0


def test_a_lock_holds_when_the_pepper_is_changed(settings: Settings) -> None:
    guess(10, NOW)
    settings.PREVIOUS_LOOKUP_PEPPERS = [settings.LOOKUP_PEPPER]
    settings.LOOKUP_PEPPER = "another-" * 8

    with pytest.raises(SignInLocked):
        issued(NOW)


def test_a_lock_is_recorded_and_told_of(
    ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    guess(10, NOW)

    until = NOW + timedelta(minutes=15)
    assert emitted()[-1] == AccountLocked(user_id=ada.id, locked_until=until)
    assert recorded() == [
        ("sign_in.locked", None, ada.id, None, {"until": until.isoformat()})
    ]


def test_a_lock_of_an_address_of_nobody_is_told_to_nobody(
    emitted: Emitted, recorded: Recorded
) -> None:
    guess(10, NOW)

    told = [event for event in emitted() if isinstance(event, AccountLocked)]
    assert (told, recorded()) == ([], [])
    with pytest.raises(SignInLocked):
        issued(NOW)


def test_who_is_signed_in_stays_so_while_the_address_is_locked(ada: User) -> None:
    tokens = open_session(user=ada, ip=None, user_agent="", now=NOW)
    guess(10, NOW)

    refreshed = refresh_session(refresh_token=tokens.refresh_token, now=NOW)

    assert refreshed.refresh_token != tokens.refresh_token


def test_a_lock_says_when_to_come_back(visitor: Visitor) -> None:
    guess(10, timezone.now())

    response = visitor.post("/v1/auth/otp", {"email": ADA})

    assert_problem(response, 429, "sign_in_locked")
    assert int(response["Retry-After"]) in range(800, 901)


def test_locks_are_forgotten_a_day_after_their_end() -> None:
    guess(10, NOW)
    end = NOW + timedelta(minutes=15)

    assert delete_stale_locks(now=end + timedelta(days=1)) == 0
    assert delete_stale_locks(now=end + timedelta(days=1, seconds=1)) == 1

"""Challenges: a code is good for one purpose, one person, one challenge, and once."""

from datetime import timedelta
from itertools import permutations
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.errors import CodeExpired, CodeInvalid, TooManyAttempts
from accounts.models import Challenge, User
from accounts.services import issue_challenge, redeem_challenge
from accounts.services.challenges import answer_challenge, consume_challenge
from opencore.errors import RateLimited
from opencore.events.auth.v1 import SignInCodeRequested
from tests.accounts.conftest import Emitted
from tests.accounts.visitor import mailed_code, wrong_code

pytestmark = pytest.mark.django_db

Purpose = Challenge.Purpose
NOW = timezone.now()
SOON = NOW + timedelta(seconds=30)


def issued(purpose: Purpose, user_id: UUID | None = None) -> Challenge:
    """Return a challenge to ada's address."""
    asked = issue_challenge(
        purpose=purpose,
        email="ada@example.com",
        user_id=user_id,
        ip=None,
        user_agent="",
        now=NOW,
    )
    return Challenge.objects.get(id=asked.challenge_id)


def redeem(
    challenge: Challenge,
    *,
    purpose: Purpose | None = None,
    user_id: UUID | None = None,
    code: str | None = None,
) -> UUID:
    """Tell a code, the right one of the challenge unless another is named."""
    return redeem_challenge(
        challenge_id=challenge.id,
        purpose=purpose or Purpose(challenge.purpose),
        code=code or mailed_code(challenge),
        user_id=user_id,
        now=SOON,
    ).id


@pytest.mark.parametrize("purpose", Purpose)
def test_a_code_is_good_for_its_purpose_and_once(
    ada: User, purpose: Purpose, emitted: Emitted
) -> None:
    challenge = issued(purpose, ada.id)

    assert redeem(challenge, user_id=ada.id) == challenge.id

    (event,) = emitted()
    assert isinstance(event, SignInCodeRequested)
    assert (event.purpose, event.email) == (purpose.value, "ada@example.com")
    challenge.refresh_from_db()
    assert (challenge.attempts, challenge.consumed_at) == (1, SOON)
    with pytest.raises(CodeInvalid):
        redeem(challenge, user_id=ada.id)


@pytest.mark.parametrize(("purpose", "told_for"), [*permutations(Purpose, 2)])
def test_a_code_is_good_for_no_other_purpose(
    purpose: Purpose, told_for: Purpose
) -> None:
    challenge = issued(purpose)

    with pytest.raises(CodeInvalid):
        redeem(challenge, purpose=told_for)

    challenge.refresh_from_db()
    assert (challenge.attempts, challenge.consumed_at) == (0, None)


@pytest.mark.parametrize("somebody_else", [None, uuid4()], ids=["nobody", "another"])
def test_the_code_of_a_person_is_good_for_nobody_else(
    ada: User, somebody_else: UUID | None
) -> None:
    challenge = issued(Purpose.STEP_UP, ada.id)

    with pytest.raises(CodeInvalid):
        redeem(challenge, user_id=somebody_else)

    challenge.refresh_from_db()
    assert (challenge.attempts, challenge.consumed_at) == (0, None)


def test_the_code_of_nobody_is_good_for_no_person(ada: User) -> None:
    challenge = issued(Purpose.STEP_UP)

    with pytest.raises(CodeInvalid):
        redeem(challenge, user_id=ada.id)


def test_the_code_of_one_challenge_does_not_open_another() -> None:
    challenge, other = issued(Purpose.LOGIN), issued(Purpose.STEP_UP)

    with pytest.raises(CodeInvalid):
        redeem(challenge, code=mailed_code(other))


def test_a_wrong_code_is_counted_and_leaves_the_right_one_good() -> None:
    challenge = issued(Purpose.STEP_UP)

    with pytest.raises(CodeInvalid):
        redeem(challenge, code=wrong_code(challenge))

    assert redeem(challenge) == challenge.id
    challenge.refresh_from_db()
    assert challenge.attempts == 2


def test_codes_of_several_purposes_are_live_beside_each_other() -> None:
    challenges = [issued(purpose) for purpose in Challenge.MAILED]

    assert [redeem(challenge) for challenge in challenges] == [
        challenge.id for challenge in challenges
    ]


def test_codes_of_all_purposes_count_against_the_limit_of_an_address(
    settings: Settings,
) -> None:
    settings.CODES_PER_HOUR = 3
    for purpose in (Purpose.LOGIN, Purpose.STEP_UP, Purpose.ADMIN_LOGIN):
        issued(purpose)

    with pytest.raises(RateLimited):
        issued(Purpose.EMAIL_CHANGE)

    assert Challenge.objects.count() == 3


def test_an_answer_that_is_not_consumed_can_be_told_again() -> None:
    challenge = issued(Purpose.LOGIN)

    first, second = answered(challenge), answered(challenge)

    assert (first.id, second.id) == (challenge.id, challenge.id)
    consume_challenge(challenge=second, now=SOON)
    with pytest.raises(CodeInvalid):
        consume_challenge(challenge=first, now=SOON)


def answered(challenge: Challenge) -> Challenge:
    """Tell the right code without using it up."""
    return answer_challenge(
        challenge_id=challenge.id,
        purpose=Purpose(challenge.purpose),
        code=mailed_code(challenge),
        now=SOON,
    )


def test_the_right_code_is_refused_after_the_last_attempt() -> None:
    challenge = issued(Purpose.STEP_UP)
    Challenge.objects.update(attempts=5)

    with pytest.raises(TooManyAttempts):
        redeem(challenge)


def test_the_right_code_is_refused_after_its_time() -> None:
    challenge = issued(Purpose.STEP_UP)
    Challenge.objects.update(expires_at=SOON)

    with pytest.raises(CodeExpired):
        redeem(challenge)

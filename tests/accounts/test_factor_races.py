"""Second factors on the real database, where many prove or change them at once."""

import pyotp
import pytest
from django.utils import timezone

from accounts.errors import CodeInvalid, SignInLocked, TooManyAttempts
from accounts.models import Challenge, RecoveryCode, Session, User
from accounts.services import (
    Tokens,
    begin_authenticator,
    confirm_authenticator,
    finish_step_up,
    request_code,
    verify_code,
    verify_second_factor,
)
from accounts.services.second_factor import FactorProof, use_factor
from opencore.events.user.v1 import RecoveryCodeUsed
from tests.accounts.browser import browser_of
from tests.accounts.conftest import Emitted
from tests.accounts.crowd import at_once
from tests.accounts.phone import phone_of, ticket_of
from tests.accounts.visitor import Visitor, mailed_code

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_sixteen_with_one_ticket_and_its_right_code_one_gets_in(
    ada: User, visitor: Visitor
) -> None:
    phone = phone_of(ada)
    ticket, code = ticket_of(visitor, ada.email), phone.code()
    now = timezone.now()

    outcomes = at_once(
        [
            lambda: (
                verify_second_factor(
                    ticket=ticket, code=code, ip=None, user_agent="", now=now
                ).user.id
            )
        ]
        * 16
    )

    assert outcomes.count(ada.id) == 1
    assert set(outcomes) <= {ada.id, CodeInvalid, TooManyAttempts}
    assert Session.objects.filter(revoked_at=None).count() == 1


def test_of_sixteen_who_use_a_recovery_code_one_does(
    ada: User, emitted: Emitted
) -> None:
    phone_of(ada)
    code = RecoveryCode.objects.create(user=ada, prefix="abcd", code_hash="x")
    proof = FactorProof(ada.id, code.id)
    before = len(emitted())

    outcomes = at_once([lambda: use_factor(proof=proof, now=timezone.now())] * 16)

    assert sorted(map(str, outcomes)) == sorted(map(str, [None, *[CodeInvalid] * 15]))
    assert emitted()[before:] == [RecoveryCodeUsed(user_id=ada.id, left=0)]


def test_a_sign_in_that_goes_on_while_a_factor_is_added_waits_and_is_asked_for_it(
    ada: User,
) -> None:
    now = timezone.now()
    asked = request_code(email=ada.email, ip=None, user_agent="", now=now)
    challenge = Challenge.objects.get(id=asked.challenge_id)
    made = begin_authenticator(user_id=ada.id, name="")
    code = pyotp.TOTP(made.secret).at(now)

    def add() -> object:
        return confirm_authenticator(
            authenticator_id=made.authenticator.id,
            user_id=ada.id,
            session_id=None,
            code=code,
            now=now,
        )

    def sign_in() -> object:
        return verify_code(
            challenge_id=challenge.id,
            code=mailed_code(challenge),
            ip=None,
            user_agent="",
            now=now,
        )

    at_once([add, sign_in])

    by_mail_alone = Session.objects.filter(assurance=1, revoked_at=None)
    assert by_mail_alone.count() == 0


def test_of_sixteen_who_tell_one_code_of_the_phone_one_has_told_it(ada: User) -> None:
    phone, session = phone_of(ada), browser_of(ada).session
    code, now = phone.code(), timezone.now()

    outcomes = at_once(
        [
            lambda: finish_step_up(
                user_id=ada.id,
                session_id=session.id,
                challenge_id=None,
                code=code,
                now=now,
            )
        ]
        * 16
    )

    assert [isinstance(each, Tokens) for each in outcomes].count(True) == 1
    refused = {each for each in outcomes if not isinstance(each, Tokens)}
    assert refused <= {CodeInvalid, SignInLocked}

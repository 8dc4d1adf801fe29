"""Who is signed in proves anew who they are, and goes on in the same session."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Authenticator, Challenge, Session, User
from accounts.services import make_recovery_codes, refresh_session
from accounts.services.sessions import BY_TWO_FACTORS
from opencore.events.user.v1 import AuthenticatorRemoved
from opencore.tokens import read_access
from tests.accounts.browser import Browser, browser_of
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.phone import Phone, phone_of
from tests.accounts.proved import Fresh, Proved
from tests.accounts.visitor import mailed_code, wrong_code
from tests.api import assert_problem, body_of

pytestmark = pytest.mark.django_db

STEP_UP = "/v1/auth/step-up"
VERIFY = "/v1/auth/step-up/verify"
LONG_AGO = timedelta(hours=2)


@pytest.fixture
def stale(ada: User) -> Browser:
    """A browser in which ada signed in long ago."""
    browser = browser_of(ada)
    Session.objects.update(authenticated_at=timezone.now() - LONG_AGO)
    return Browser(
        refresh_session(refresh_token=browser.tokens.refresh_token, now=timezone.now())
    )


@pytest.fixture
def phone(ada: User, stale: Browser) -> Phone:
    phone = phone_of(ada, session_id=stale.session_id)
    Session.objects.update(authenticated_at=timezone.now() - LONG_AGO)
    return phone


def mailed(browser: Browser) -> Challenge:
    """Ask for a code."""
    return Challenge.objects.get(id=body_of(browser.post(STEP_UP))["challenge_id"])


def answer(challenge: Challenge, code: str | None = None) -> dict[str, str]:
    """Return the body that tells a mailed code."""
    return {
        "challenge_id": str(challenge.id),
        "code": code or mailed_code(challenge),
    }


def proved_at(browser: Browser) -> object:
    return read_access(browser.tokens.access_token).authenticated_at


def test_a_code_goes_to_ones_own_address(ada: User, stale: Browser) -> None:
    response = stale.post(STEP_UP)

    challenge = Challenge.objects.get()
    assert (response.status_code, response["Cache-Control"]) == (202, "no-store")
    assert body_of(response) == {
        "factors": ["email"],
        "challenge_id": str(challenge.id),
        "expires_in": 600,
        "resend_after": 60,
    }
    assert (challenge.email, challenge.user, challenge.purpose) == (
        ada.email,
        ada,
        "step_up",
    )


def test_its_code_proves_anew_who_one_is_in_the_same_session(
    ada: User, stale: Browser, recorded: Recorded
) -> None:
    challenge, before = mailed(stale), timezone.now().replace(microsecond=0)

    response = stale.post(VERIFY, answer(challenge))

    fresh = Browser.showing(body_of(response))
    claims = read_access(fresh.tokens.access_token)
    assert response.status_code == 200
    assert fresh.session_id == stale.session_id
    assert claims.authenticated_at is not None
    assert claims.authenticated_at >= before
    assert (claims.assurance, claims.methods) == (1, ("otp",))
    assert recorded()[-1] == (
        "session.stepped_up",
        ada.id,
        stale.session_id,
        None,
        {"assurance": "1"},
    )


def test_what_needed_a_fresh_proof_can_be_done_then(stale: Browser) -> None:
    wanted = {"kind": "erasure"}
    refused = stale.post("/v1/users/me/data-requests", wanted)

    fresh = Browser.showing(body_of(stale.post(VERIFY, answer(mailed(stale)))))

    assert_problem(refused, 403, "step_up_required")
    assert fresh.post("/v1/users/me/data-requests", wanted).status_code == 202


def test_the_old_refresh_token_and_the_new_one_go_on(stale: Browser) -> None:
    fresh = Browser.showing(body_of(stale.post(VERIFY, answer(mailed(stale)))))

    for token in (stale.tokens.refresh_token, fresh.tokens.refresh_token):
        renewed = refresh_session(refresh_token=token, now=timezone.now())

    assert proved_at(Browser(renewed)) == proved_at(fresh)
    assert stale.session.revoked_at is None


def test_a_wrong_code_proves_nothing(stale: Browser) -> None:
    challenge = mailed(stale)

    response = stale.post(VERIFY, answer(challenge, wrong_code(challenge)))

    assert_problem(response, 400, "code_invalid")
    challenge.refresh_from_db()
    assert challenge.attempts == 1


def test_a_code_is_good_once(stale: Browser) -> None:
    told = answer(mailed(stale))
    stale.post(VERIFY, told)

    assert_problem(stale.post(VERIFY, told), 400, "code_invalid")


def test_the_code_of_another_person_is_wrong(stale: Browser, mallory: User) -> None:
    theirs = mailed(browser_of(mallory))

    assert_problem(stale.post(VERIFY, answer(theirs)), 400, "code_invalid")


def test_a_code_without_its_challenge_is_refused(stale: Browser) -> None:
    code = mailed_code(mailed(stale))

    response = stale.post(VERIFY, {"code": code})

    assert_problem(response, 400, "validation_error", "/challenge_id")


def test_who_has_an_authenticator_is_mailed_nothing(
    stale: Browser, phone: Phone
) -> None:
    answer = body_of(stale.post(STEP_UP))

    assert answer == {
        "factors": ["totp"],
        "challenge_id": None,
        "expires_in": None,
        "resend_after": None,
    }
    assert Challenge.objects.count() == 0


def test_who_has_an_authenticator_steps_up_by_it(stale: Browser, phone: Phone) -> None:
    response = stale.post(VERIFY, {"code": phone.code()})

    claims = read_access(body_of(response)["access_token"])
    assert (claims.assurance, claims.methods) == (2, ("otp", "mfa"))
    assert claims.session_id == stale.session_id
    assert claims.authenticated_at is not None
    assert timezone.now() - claims.authenticated_at < timedelta(minutes=1)


def test_a_mailed_code_is_not_enough_for_who_has_an_authenticator(
    ada: User, stale: Browser
) -> None:
    challenge = mailed(stale)
    phone_of(ada, session_id=stale.session_id)

    assert_problem(stale.post(VERIFY, answer(challenge)), 403, "mfa_required")


def test_a_code_of_the_phone_is_good_once(stale: Browser, phone: Phone) -> None:
    told = {"code": phone.code()}
    stale.post(VERIFY, told)

    assert_problem(stale.post(VERIFY, told), 400, "code_invalid")


def test_ten_wrong_codes_of_the_phone_lock_the_address(
    stale: Browser, phone: Phone
) -> None:
    for _ in range(10):
        response = stale.post(VERIFY, {"code": phone.wrong_code()})
        assert_problem(response, 400, "code_invalid")

    response = stale.post(VERIFY, {"code": phone.code()})

    assert_problem(response, 429, "sign_in_locked")


def test_a_lost_phone_is_removed_with_a_recovery_code(
    ada: User, stale: Browser, phone: Phone, emitted: Emitted
) -> None:
    code, *_ = make_recovery_codes(
        user_id=ada.id, session_id=stale.session_id, now=timezone.now()
    )
    place = f"/v1/users/me/authenticators/{phone.authenticator_id}"
    refused = stale.ask("DELETE", place)

    fresh = Browser.showing(body_of(stale.post(VERIFY, {"code": code})))
    response = fresh.ask("DELETE", place)

    assert_problem(refused, 403, "step_up_required")
    assert response.status_code == 204
    assert Authenticator.objects.count() == 0
    assert isinstance(emitted()[-1], AuthenticatorRemoved)


def test_a_session_that_ended_is_not_gone_on_with(stale: Browser) -> None:
    challenge = mailed(stale)
    Session.objects.update(idle_expires_at=timezone.now())

    assert_problem(stale.post(VERIFY, answer(challenge)), 401, "session_revoked")

    challenge.refresh_from_db()
    assert challenge.consumed_at is None


@pytest.mark.parametrize("path", [STEP_UP, VERIFY])
def test_staff_who_act_as_a_person_do_not_prove_it_for_them(
    ada: User, grace: User, path: str
) -> None:
    staff = Proved(ada.id, proof=Fresh(impersonator_id=grace.id))

    assert_problem(staff.post(path, {"code": "123456"}), 403, "forbidden")


def test_who_went_on_to_both_factors_in_a_stale_session_has_proved_both(
    ada: User, phone: Phone
) -> None:
    by_mail = browser_of(ada)

    by_mail.post(VERIFY, {"code": phone.code()})

    assert (by_mail.session.assurance, by_mail.session.methods) == (
        2,
        list(BY_TWO_FACTORS),
    )

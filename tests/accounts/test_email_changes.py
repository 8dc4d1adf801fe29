"""People move to another address: its mail is read, and the one of before is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, AuditPersonal, Challenge, Session, User
from accounts.selectors import person_of
from accounts.services import find_or_create_user, issue_challenge, request_code
from opencore.events.auth.v1 import SignInCodeRequested
from opencore.events.user.v1 import SessionRevoked, UserEmailChanged
from tests.accounts.browser import Browser, browser_of
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.proved import Fresh, Proved
from tests.accounts.visitor import mailed_code, wrong_code
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db

CHANGE = "/v1/users/me/email-change"
VERIFY = f"{CHANGE}/verify"
NEW = "augusta@example.com"


@pytest.fixture
def laptop(ada: User) -> Browser:
    return browser_of(ada)


def asked_by(browser: Browser, email: str = NEW) -> Challenge:
    """Ask for a code to a new address; return its challenge."""
    answer = browser.post(CHANGE, {"email": email})
    assert answer.status_code == 202
    return Challenge.objects.get(id=body_of(answer)["challenge_id"])


def told(browser: Browser, challenge: Challenge, code: str | None = None) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Tell the code, or another one; return the answer."""
    code = code or mailed_code(challenge)
    return browser.post(VERIFY, {"challenge_id": str(challenge.id), "code": code})


def test_a_code_goes_to_the_new_address(
    ada: User, laptop: Browser, emitted: Emitted
) -> None:
    challenge = asked_by(laptop)

    assert (challenge.email, challenge.user_id) == (NEW, ada.id)
    sent = [each for each in emitted() if isinstance(each, SignInCodeRequested)]
    assert [(each.email, each.purpose) for each in sent] == [(NEW, "email_change")]
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


def test_who_tells_the_code_has_the_address(
    ada: User, laptop: Browser, emitted: Emitted, recorded: Recorded
) -> None:
    phone = browser_of(ada)
    challenge = asked_by(laptop)

    response = told(laptop, challenge)

    assert (response.status_code, body_of(response)["email"]) == (200, NEW)
    assert response["ETag"] == f'W/"{ada.id}-2"'
    ada.refresh_from_db()
    assert (ada.email, ada.version) == (NEW, 2)
    assert ada.email_verified_at is not None
    assert emitted()[-2:] == [
        UserEmailChanged(user_id=ada.id, email=NEW, version=2),
        SessionRevoked(
            user_id=ada.id, session_id=phone.session_id, reason="email_changed"
        ),
    ]
    assert recorded()[-2:] == [
        ("user.email_changed", ada.id, ada.id, None, {}),
        (
            "session.revoked",
            ada.id,
            phone.session_id,
            None,
            {"reason": "email_changed"},
        ),
    ]
    assert (laptop.session.revoked_at, phone.session.revoke_reason) == (
        None,
        "email_changed",
    )


def test_the_record_names_no_address_but_where_it_can_be_erased(
    laptop: Browser,
) -> None:
    told(laptop, asked_by(laptop))

    entry = AuditEntry.objects.get(action="user.email_changed")
    kept = str(AuditEntry.objects.filter(seq=entry.seq).values().get())
    assert "example.com" not in kept
    said = AuditPersonal.objects.get(entry=entry).data
    assert (said["previous_email"], said["email"]) == ("ada@example.com", NEW)


def test_the_answer_does_not_tell_whether_somebody_has_the_address(
    laptop: Browser, mallory: User
) -> None:
    free = body_of(laptop.post(CHANGE, {"email": NEW}))
    taken = body_of(laptop.post(CHANGE, {"email": mallory.email}))

    assert {**taken, "challenge_id": None} == {**free, "challenge_id": None}


def test_an_address_of_somebody_else_is_not_taken_from_them(
    ada: User, laptop: Browser, mallory: User, recorded: Recorded
) -> None:
    challenge = asked_by(laptop, "Mallory@Example.com")
    phone = browser_of(ada)

    assert_problem(told(laptop, challenge), 409, "email_taken")
    ada.refresh_from_db()
    assert (ada.email, ada.version) == ("ada@example.com", 1)
    assert phone.session.revoked_at is None
    assert "user.email_changed" not in {entry[0] for entry in recorded()}


def test_people_spell_their_own_address_another_way(ada: User, laptop: Browser) -> None:
    response = told(laptop, asked_by(laptop, "Ada@Example.com"))

    assert body_of(response)["email"] == "Ada@Example.com"


def test_nobody_else_uses_the_code(laptop: Browser, mallory: User) -> None:
    challenge = asked_by(laptop)

    refused = told(browser_of(mallory), challenge)

    assert_problem(refused, 400, "code_invalid")
    mallory.refresh_from_db()
    assert mallory.email == "mallory@example.com"


def test_a_code_for_signing_in_changes_no_address(ada: User, laptop: Browser) -> None:
    asked = request_code(email=NEW, ip=None, user_agent="", now=timezone.now())
    challenge = Challenge.objects.get(id=asked.challenge_id)

    assert_problem(told(laptop, challenge), 400, "code_invalid")
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


def test_a_wrong_code_changes_nothing(ada: User, laptop: Browser) -> None:
    challenge = asked_by(laptop)

    assert_problem(told(laptop, challenge, wrong_code(challenge)), 400, "code_invalid")
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


def test_a_code_is_good_once(laptop: Browser) -> None:
    challenge = asked_by(laptop)
    told(laptop, challenge)

    assert_problem(told(laptop, challenge), 400, "code_invalid")


def test_a_code_that_went_to_the_address_before_is_good_for_nothing(
    ada: User, laptop: Browser
) -> None:
    step_up = issue_challenge(
        purpose=Challenge.Purpose.STEP_UP,
        email=ada.email,
        user_id=ada.id,
        ip=None,
        user_agent="",
        now=timezone.now(),
    )

    told(laptop, asked_by(laptop))

    assert not Challenge.objects.get(id=step_up.challenge_id).is_live()


@pytest.mark.parametrize(
    "proof",
    [
        Fresh(authenticated_at=None),
        Fresh(authenticated_at=timezone.now() - timedelta(minutes=11)),
    ],
    ids=["none", "old"],
)
def test_asking_needs_a_fresh_proof(ada: User, proof: Fresh) -> None:
    response = Proved(ada.id, proof=proof).post(CHANGE, {"email": NEW})

    assert_problem(response, 403, "step_up_required")
    assert Challenge.objects.count() == 0


def test_staff_who_act_as_a_person_move_them_nowhere(ada: User, grace: User) -> None:
    acting = Proved(ada.id, proof=Fresh(impersonator_id=grace.id))

    asking = acting.post(CHANGE, {"email": NEW})
    telling = acting.post(VERIFY, {"challenge_id": str(ada.id), "code": "12345678"})

    assert_problem(asking, 403, "forbidden")
    assert_problem(telling, 403, "forbidden")


def test_who_was_deactivated_gets_no_other_address(ada: User, laptop: Browser) -> None:
    challenge = asked_by(laptop)
    User.objects.filter(id=ada.id).update(is_active=False)

    assert_problem(told(laptop, challenge), 401, "token_invalid")
    assert_problem(laptop.post(CHANGE, {"email": NEW}), 401, "token_invalid")


def test_an_answer_that_was_lost_can_be_asked_for_again(ada: User) -> None:
    api = Api(ada.id, proved_at=timezone.now())

    first = api.post(CHANGE, {"email": NEW}, key="one")
    second = api.post(CHANGE, {"email": NEW}, key="one")

    assert body_of(second) == body_of(first)
    assert Challenge.objects.count() == 1


def test_the_address_of_before_is_free(ada: User, laptop: Browser) -> None:
    told(laptop, asked_by(laptop))

    other = find_or_create_user(email="ada@example.com", actor_id=None)

    assert other.id != ada.id


def test_an_erasure_knows_the_addresses_of_before_but_those_of_others(
    ada: User, laptop: Browser
) -> None:
    told(laptop, asked_by(laptop))
    told(laptop, asked_by(laptop, "king@example.com"))
    Challenge.objects.all().delete()
    find_or_create_user(email="ADA@example.com", actor_id=None)
    ada.refresh_from_db()

    assert person_of(ada).addresses == {NEW, "king@example.com"}


@pytest.mark.parametrize("email", ["", "ada", "ädä@example.com", None, 7])
def test_what_is_no_address_is_refused(laptop: Browser, email: object) -> None:
    response = laptop.post(CHANGE, {"email": email})

    assert_problem(response, 400, "validation_error", "/email")
    assert Session.objects.filter(revoked_at=None).count() == 1

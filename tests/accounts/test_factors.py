"""Adding an authenticator, removing it, and the codes that stand in for it."""

from datetime import timedelta
from uuid import uuid4

import pyotp
import pytest
from django.utils import timezone

from accounts.models import Authenticator, RecoveryCode, Session, User
from accounts.services import make_recovery_codes, refresh_session
from accounts.services.sessions import BY_TWO_FACTORS
from opencore.events.user.v1 import (
    AuthenticatorAdded,
    AuthenticatorRemoved,
    RecoveryCodesMade,
    SessionRevoked,
)
from opencore.sealing import unseal
from opencore.tokens import read_access
from tests.accounts.browser import Browser, browser_of
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.phone import Phone, phone_of
from tests.accounts.proved import Fresh, Proved
from tests.api import assert_problem, body_of

pytestmark = pytest.mark.django_db

MINE = "/v1/users/me/authenticators"
RECOVERY = "/v1/users/me/recovery-codes"


@pytest.fixture
def laptop(ada: User) -> Browser:
    return browser_of(ada)


def added(laptop: Browser) -> Phone:
    """Ask for a secret, as a browser does."""
    answer = body_of(laptop.post(MINE, {"name": "Phone"}))
    return Phone(answer["id"], answer["secret"])


def confirmed(laptop: Browser, phone: Phone, code: str) -> object:
    return laptop.post(f"{MINE}/{phone.authenticator_id}/confirm", {"code": code})


def test_a_secret_is_shown_once_and_stored_sealed(ada: User, laptop: Browser) -> None:
    response = laptop.post(MINE, {"name": "Phone"})

    answer, stored = body_of(response), Authenticator.objects.get()
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    assert (answer["name"], answer["kind"], answer["confirmed_at"]) == (
        "Phone",
        "totp",
        None,
    )
    read = pyotp.parse_uri(answer["uri"])
    assert (read.secret, read.name, read.issuer) == (
        answer["secret"],
        ada.email,
        "OpenCore",
    )
    assert answer["secret"] not in stored.sealed_secret
    assert unseal(stored.sealed_secret) == answer["secret"]
    (listed,) = body_of(laptop.get(MINE))["data"]
    assert listed == {key: answer[key] for key in answer.keys() - {"secret", "uri"}}


def test_the_first_code_makes_it_asked_for_and_ends_other_sessions(
    ada: User, laptop: Browser, emitted: Emitted, recorded: Recorded
) -> None:
    other, phone = browser_of(ada), added(laptop)
    before = len(recorded())

    response = laptop.post(
        f"{MINE}/{phone.authenticator_id}/confirm", {"code": phone.code()}
    )

    stored = Authenticator.objects.get()
    assert response.status_code == 200
    assert body_of(response)["confirmed_at"] is not None
    assert other.session.revoke_reason == "factors_changed"
    assert laptop.session.revoked_at is None
    assert emitted() == [
        SessionRevoked(
            user_id=ada.id, session_id=other.session_id, reason="factors_changed"
        ),
        AuthenticatorAdded(user_id=ada.id, authenticator_id=stored.id),
    ]
    assert recorded()[before:][-1] == (
        "authenticator.added",
        ada.id,
        stored.id,
        None,
        {"kind": "totp"},
    )


def test_after_the_first_code_this_session_has_proved_both_factors(
    laptop: Browser,
) -> None:
    phone = added(laptop)
    Session.objects.update(authenticated_at=timezone.now() - timedelta(minutes=5))
    now = timezone.now()

    confirmed(laptop, phone, phone.code())

    tokens = refresh_session(refresh_token=laptop.tokens.refresh_token, now=now)
    claims = read_access(tokens.access_token)
    assert (claims.assurance, claims.methods) == (2, ("otp", "mfa"))
    assert claims.authenticated_at is not None
    assert claims.authenticated_at >= now.replace(microsecond=0)


def test_a_wrong_first_code_changes_nothing_and_is_counted(
    ada: User, laptop: Browser
) -> None:
    phone, wrong = added(laptop), "000000"
    for _ in range(10):
        if wrong == phone.code():
            wrong = "000001"
        response = laptop.post(
            f"{MINE}/{phone.authenticator_id}/confirm", {"code": wrong}
        )
        assert_problem(response, 400, "code_invalid")

    response = laptop.post(
        f"{MINE}/{phone.authenticator_id}/confirm", {"code": phone.code()}
    )

    assert_problem(response, 429, "sign_in_locked")
    assert Authenticator.objects.get().confirmed_at is None


def test_a_secret_waits_an_hour_for_its_first_code(laptop: Browser) -> None:
    phone = added(laptop)
    Authenticator.objects.update(created_at=timezone.now() - timedelta(hours=1))

    response = laptop.post(
        f"{MINE}/{phone.authenticator_id}/confirm", {"code": phone.code()}
    )

    assert_problem(response, 404, "not_found")


def test_nobody_confirms_what_is_another_persons(
    laptop: Browser, mallory: User
) -> None:
    phone = added(laptop)

    response = browser_of(mallory).post(
        f"{MINE}/{phone.authenticator_id}/confirm", {"code": phone.code()}
    )

    assert_problem(response, 404, "not_found")


def test_a_newer_secret_replaces_the_one_that_waits(laptop: Browser) -> None:
    older, newer = added(laptop), added(laptop)

    assert str(Authenticator.objects.get().id) == newer.authenticator_id
    response = laptop.post(
        f"{MINE}/{older.authenticator_id}/confirm", {"code": older.code()}
    )
    assert_problem(response, 404, "not_found")


def test_one_authenticator_is_asked_for(ada: User, laptop: Browser) -> None:
    phone_of(ada, session_id=laptop.session_id)

    assert_problem(laptop.post(MINE, {}), 409, "authenticator_exists")


def test_removing_it_ends_other_sessions_and_forgets_recovery_codes(
    ada: User, laptop: Browser, emitted: Emitted, recorded: Recorded
) -> None:
    phone = phone_of(ada, session_id=laptop.session_id)
    other = browser_of(ada, methods=BY_TWO_FACTORS)
    RecoveryCode.objects.create(user=ada, prefix="abcd", code_hash="x")
    told, noted = len(emitted()), len(recorded())

    response = laptop.ask("DELETE", f"{MINE}/{phone.authenticator_id}")

    assert response.status_code == 204
    assert (Authenticator.objects.count(), RecoveryCode.objects.count()) == (0, 0)
    assert other.session.revoke_reason == "factors_changed"
    assert (laptop.session.assurance, laptop.session.methods) == (1, ["otp"])
    assert emitted()[told:][-1] == AuthenticatorRemoved(
        user_id=ada.id, authenticator_id=phone.authenticator_id
    )
    assert recorded()[noted:][-1] == (
        "authenticator.removed",
        ada.id,
        phone.authenticator_id,
        None,
        {},
    )


def test_it_is_not_removed_by_who_proved_one_factor(ada: User) -> None:
    phone = phone_of(ada)
    thief = browser_of(ada)

    response = thief.ask("DELETE", f"{MINE}/{phone.authenticator_id}")

    assert_problem(response, 403, "mfa_required")
    assert Authenticator.objects.count() == 1


def test_one_that_waits_for_its_first_code_just_goes(
    laptop: Browser, emitted: Emitted
) -> None:
    phone = added(laptop)

    response = laptop.ask("DELETE", f"{MINE}/{phone.authenticator_id}")

    assert response.status_code == 204
    assert (Authenticator.objects.count(), emitted()) == (0, [])


def test_nobody_removes_what_is_another_persons(ada: User, mallory: User) -> None:
    phone = phone_of(ada)

    response = browser_of(mallory, methods=BY_TWO_FACTORS).ask(
        "DELETE", f"{MINE}/{phone.authenticator_id}"
    )

    assert_problem(response, 404, "not_found")


def test_recovery_codes_are_shown_once_and_stored_hashed(
    ada: User, laptop: Browser, emitted: Emitted, recorded: Recorded
) -> None:
    phone_of(ada, session_id=laptop.session_id)
    told, noted = len(emitted()), len(recorded())

    response = laptop.post(RECOVERY)

    codes, stored = body_of(response)["codes"], RecoveryCode.objects.all()
    assert (response.status_code, response["Cache-Control"]) == (201, "no-store")
    assert len({code[:4] for code in codes}) == stored.count() == 10
    assert {row.code_hash.partition("$")[0] for row in stored} == {"argon2"}
    assert emitted()[told:] == [RecoveryCodesMade(user_id=ada.id)]
    assert recorded()[noted:] == [("recovery_codes.made", ada.id, ada.id, None, {})]


def test_new_recovery_codes_replace_those_of_before(ada: User, laptop: Browser) -> None:
    phone_of(ada, session_id=laptop.session_id)
    RecoveryCode.objects.create(user=ada, prefix="0000", code_hash="x")

    make_recovery_codes(
        user_id=ada.id, session_id=laptop.session_id, now=timezone.now()
    )

    assert RecoveryCode.objects.count() == 10
    assert not RecoveryCode.objects.filter(prefix="0000").exists()


def test_recovery_codes_need_an_authenticator(laptop: Browser) -> None:
    assert_problem(laptop.post(RECOVERY), 409, "authenticator_needed")


def test_who_proved_one_factor_gets_no_recovery_codes(ada: User) -> None:
    phone_of(ada)

    assert_problem(browser_of(ada).post(RECOVERY), 403, "mfa_required")


def test_staff_who_act_as_a_person_leave_their_factors_alone(
    ada: User, grace: User
) -> None:
    staff = Proved(ada.id, proof=Fresh(impersonator_id=grace.id))

    assert_problem(staff.post(MINE, {}), 403, "forbidden")
    assert_problem(staff.delete(f"{MINE}/{uuid4()}"), 403, "forbidden")

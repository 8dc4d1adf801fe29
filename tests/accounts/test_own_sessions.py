"""People look over where they are signed in, and end what they do not know."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Organization, Session, User
from accounts.services import refresh_session, remove_member
from opencore.events.org.v1 import MemberRemoved
from opencore.events.user.v1 import SessionRevoked
from opencore.tokens import mint_access, read_access
from tests.accounts.browser import Browser, browser_of
from tests.accounts.conftest import Emitted, Recorded
from tests.api import assert_problem, body_of
from tests.hearing import hear

pytestmark = pytest.mark.django_db

SESSIONS = "/v1/users/me/sessions"
SESSION = "/v1/auth/session"
SWITCH = "/v1/auth/switch-org"
NOBODYS = "0f6f4b0e-5a8e-4a3c-9f7a-6f0c0a4f1e2d"


@pytest.fixture
def laptop(ada: User) -> Browser:
    return browser_of(ada, user_agent="Firefox/140.0 (X11; Linux)")


@pytest.fixture
def phone(ada: User) -> Browser:
    return browser_of(ada, user_agent="Firefox/140.0 (Android 15)")


def test_people_see_where_they_are_signed_in(
    ada: User, laptop: Browser, phone: Browser, mallory: User
) -> None:
    browser_of(mallory)

    listed = body_of(laptop.get(SESSIONS))["data"]

    assert [(each["device_label"], each["current"]) for each in listed] == [
        ("Firefox on Android", False),
        ("Firefox on Linux", True),
    ]
    assert listed[1] == {
        "id": str(laptop.session_id),
        "current": True,
        "impersonated": False,
        "device_label": "Firefox on Linux",
        "ip": "192.0.2.7",
        "user_agent": "Firefox/140.0 (X11; Linux)",
        "assurance": 1,
        "methods": ["otp"],
        "created_at": listed[1]["created_at"],
        "last_seen_at": listed[1]["created_at"],
        "authenticated_at": listed[1]["created_at"],
        "idle_expires_at": listed[1]["idle_expires_at"],
        "expires_at": listed[1]["expires_at"],
    }


def test_sessions_come_in_pages(laptop: Browser, phone: Browser) -> None:
    first = body_of(laptop.get(f"{SESSIONS}?limit=1"))

    second = body_of(laptop.get(f"{SESSIONS}?limit=1&cursor={first['next_cursor']}"))

    listed = [first["data"][0]["id"], second["data"][0]["id"]]
    assert listed == [str(phone.session_id), str(laptop.session_id)]
    assert second["has_more"] is False


def test_people_see_when_staff_acts_as_them(
    laptop: Browser, phone: Browser, grace: User
) -> None:
    Session.objects.filter(id=phone.session_id).update(impersonator=grace)

    listed = body_of(laptop.get(SESSIONS))["data"]

    assert [each["impersonated"] for each in listed] == [True, False]


@pytest.mark.parametrize(
    "over",
    [
        {"revoked_at": timezone.now(), "revoke_reason": "logout"},
        {"idle_expires_at": timezone.now() - timedelta(seconds=1)},
    ],
    ids=["revoked", "idled"],
)
def test_a_session_that_is_over_is_not_listed(
    laptop: Browser, phone: Browser, over: dict[str, object]
) -> None:
    Session.objects.filter(id=phone.session_id).update(**over)

    listed = body_of(laptop.get(SESSIONS))["data"]

    assert [each["id"] for each in listed] == [str(laptop.session_id)]


def test_people_call_their_devices_what_they_like(
    laptop: Browser, phone: Browser
) -> None:
    response = laptop.ask(
        "PATCH", f"{SESSIONS}/{phone.session_id}", {"device_label": "Old phone"}
    )

    assert (response.status_code, body_of(response)["device_label"]) == (
        200,
        "Old phone",
    )
    assert phone.session.device_label == "Old phone"


def test_people_sign_out_on_one_device(
    ada: User, laptop: Browser, phone: Browser, emitted: Emitted, recorded: Recorded
) -> None:
    response = laptop.ask("DELETE", f"{SESSIONS}/{phone.session_id}")

    assert response.status_code == 204
    assert phone.session.revoke_reason == "user"
    assert laptop.session.revoked_at is None
    assert emitted() == [
        SessionRevoked(user_id=ada.id, session_id=phone.session_id, reason="user")
    ]
    assert recorded() == [
        ("session.revoked", ada.id, phone.session_id, None, {"reason": "user"})
    ]


def test_a_device_is_signed_out_once(laptop: Browser, phone: Browser) -> None:
    laptop.ask("DELETE", f"{SESSIONS}/{phone.session_id}")

    again = laptop.ask("DELETE", f"{SESSIONS}/{phone.session_id}")

    assert_problem(again, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "body"), [("PATCH", {"device_label": "Mine"}), ("DELETE", None)]
)
def test_nobody_else_touches_a_session(
    laptop: Browser, mallory: User, method: str, body: object
) -> None:
    response = browser_of(mallory).ask(method, f"{SESSIONS}/{laptop.session_id}", body)

    assert_problem(response, 404, "not_found")
    assert laptop.session.revoked_at is None
    assert laptop.session.device_label == "Firefox on Linux"


def test_people_sign_out_everywhere_else(
    laptop: Browser, phone: Browser, mallory: User
) -> None:
    other = browser_of(mallory)

    response = laptop.post(f"{SESSIONS}/revoke-others")

    assert body_of(response) == {"ended": 1}
    assert phone.session.revoke_reason == "user"
    assert (laptop.session.revoked_at, other.session.revoked_at) == (None, None)


def test_people_sign_out_everywhere(laptop: Browser, phone: Browser) -> None:
    response = laptop.post(f"{SESSIONS}/revoke-all")

    assert body_of(response) == {"ended": 2}
    assert Session.objects.filter(revoked_at=None).count() == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", f"{SESSIONS}/{NOBODYS}"),
        ("DELETE", f"{SESSIONS}/{NOBODYS}"),
        ("POST", f"{SESSIONS}/revoke-others"),
        ("POST", f"{SESSIONS}/revoke-all"),
    ],
)
def test_staff_who_act_as_a_person_end_none_of_their_sessions(
    laptop: Browser, grace: User, method: str, path: str
) -> None:
    acting = acting_as(laptop, grace)

    response = acting.ask(method, path, {"device_label": "x"})

    assert_problem(response, 403, "forbidden")
    assert laptop.session.revoked_at is None


def acting_as(browser: Browser, staff: User) -> Browser:
    """Return the browser of staff who act as a person and may write."""
    Session.objects.filter(id=browser.session_id).update(impersonator=staff)
    renewed = refresh_session(
        refresh_token=browser.tokens.refresh_token, now=timezone.now()
    )
    return Browser(renewed)


def test_a_session_says_what_it_is_worth(laptop: Browser) -> None:
    response = laptop.get(SESSION)

    answer = body_of(response)
    assert response["Cache-Control"] == "no-store"
    assert (answer["id"], answer["current"]) == (str(laptop.session_id), True)
    assert (answer["assurance"], answer["methods"]) == (1, ["otp"])
    assert answer["organization_id"] is None


def test_a_session_that_ended_says_so_even_to_a_token_that_is_still_believed(
    laptop: Browser,
) -> None:
    Session.objects.update(revoked_at=timezone.now(), revoke_reason="user")

    assert_problem(laptop.get(SESSION), 401, "session_revoked")
    refused = laptop.post(SWITCH, {"organization_id": None})
    assert_problem(refused, 401, "session_revoked")


def test_a_session_of_somebody_else_is_not_shown(ada: User, mallory: User) -> None:
    other = browser_of(mallory)
    token = mint_access(
        user_id=ada.id, session_id=other.session_id, role="user", now=timezone.now()
    )
    other.tokens = type(other.tokens)(token, "", timedelta())

    assert_problem(other.get(SESSION), 401, "session_revoked")


def test_people_choose_the_organization_that_they_work_in(
    ada: User, laptop: Browser, acme: Organization
) -> None:
    response = laptop.post(SWITCH, {"organization_id": str(acme.id)})

    assert body_of(response)["organization_id"] == str(acme.id)
    assert laptop.session.organization_id == acme.id
    left = laptop.post(SWITCH, {"organization_id": None})
    assert body_of(left)["organization_id"] is None


def test_nobody_works_in_an_organization_of_others(
    mallory: User, acme: Organization
) -> None:
    other = browser_of(mallory)

    response = other.post(SWITCH, {"organization_id": str(acme.id)})

    assert_problem(response, 404, "not_found")
    assert other.session.organization_id is None


def test_who_was_removed_works_in_the_organization_no_more(
    ada: User, grace: User, laptop: Browser, acme: Organization
) -> None:
    laptop.post(SWITCH, {"organization_id": str(acme.id)})
    remove_member(organization_id=acme.id, user_id=ada.id, actor_id=grace.id)

    assert body_of(laptop.get(SESSION))["organization_id"] is None


def test_who_left_and_comes_back_works_in_the_organization_when_they_say_so(
    ada: User, grace: User, laptop: Browser, acme: Organization
) -> None:
    laptop.post(SWITCH, {"organization_id": str(acme.id)})
    assert laptop.post(f"/v1/orgs/{acme.id}/leave").status_code == 204
    removed = MemberRemoved(org_id=acme.id, user_id=ada.id)

    hear("accounts", removed)

    acme.memberships.create(user=ada, role="member")
    assert body_of(laptop.get(SESSION))["organization_id"] is None
    # That it is heard of again, late, does not matter.
    laptop.post(SWITCH, {"organization_id": str(acme.id)})
    hear("accounts", removed)
    assert laptop.session.organization_id == acme.id


def test_who_leaves_an_organization_goes_on_in_another(
    ada: User, laptop: Browser, acme: Organization
) -> None:
    second = Organization.objects.create(name="Second", created_by=ada.id)
    second.memberships.create(user=ada, role="owner")
    laptop.post(SWITCH, {"organization_id": str(second.id)})
    laptop.post(f"/v1/orgs/{acme.id}/leave")
    removed = MemberRemoved(org_id=acme.id, user_id=ada.id)

    hear("accounts", removed)

    assert body_of(laptop.get(SESSION))["organization_id"] == str(second.id)
    renewed = refresh_session(
        refresh_token=laptop.tokens.refresh_token, now=timezone.now()
    )
    assert read_access(renewed.access_token).org_ids == (second.id,)


@pytest.mark.parametrize(
    ("method", "path", "body", "pointer"),
    [
        ("POST", SWITCH, {}, "/organization_id"),
        ("POST", SWITCH, {"organization_id": "acme"}, "/organization_id"),
        ("PATCH", f"{SESSIONS}/{NOBODYS}", {"device_label": ""}, "/device_label"),
        ("PATCH", f"{SESSIONS}/{NOBODYS}", {"device_label": 7}, "/device_label"),
        (
            "PATCH",
            f"{SESSIONS}/{NOBODYS}",
            {"device_label": "x" * 101},
            "/device_label",
        ),
    ],
)
def test_refuses_a_malformed_request(
    laptop: Browser, method: str, path: str, body: object, pointer: str
) -> None:
    response = laptop.ask(method, path, body)

    assert_problem(response, 400, "validation_error", pointer)


def test_the_chosen_organization_is_named_first_from_the_next_refresh_on(
    ada: User, laptop: Browser, acme: Organization
) -> None:
    second = Organization.objects.create(name="Second", created_by=ada.id)
    second.memberships.create(user=ada, role="owner")
    laptop.post(SWITCH, {"organization_id": str(second.id)})

    renewed = refresh_session(
        refresh_token=laptop.tokens.refresh_token, now=timezone.now()
    )

    assert read_access(renewed.access_token).org_ids == (second.id, acme.id)

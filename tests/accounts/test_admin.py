"""What operators see and do."""

import re
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import (
    AuditEntry,
    Challenge,
    Membership,
    Organization,
    Session,
    User,
)
from accounts.services import request_code
from accounts.services.sessions import open_session
from opencore.events.org.v1 import MemberAdded, MemberRemoved
from tests.accounts.conftest import Emitted, Recorded

pytestmark = pytest.mark.django_db

ADMIN = "/admin/accounts"
PAGES = ["user", "session", "challenge", "organization", "membership", "auditentry"]


@pytest.fixture
def session(ada: User) -> Session:
    """A session of ada's."""
    open_session(user=ada, ip=None, user_agent="Browser/1", now=timezone.now())
    return Session.objects.get()


@pytest.fixture
def challenge() -> Challenge:
    """A code that is on its way to ada's address."""
    asked = request_code(
        email="ada@example.com", ip=None, user_agent="", now=timezone.now()
    )
    return Challenge.objects.get(id=asked.challenge_id)


def save_user(client: Client, user: User, **changes: str) -> int:
    """Send the form of a user; return the status."""
    return client.post(
        f"{ADMIN}/user/{user.id}/change/",
        {
            "sessions-TOTAL_FORMS": "0",
            "sessions-INITIAL_FORMS": "0",
            "role": user.role,
            "is_active": "on",
            **changes,
        },
    ).status_code


def add(client: Client, organization: Organization, user: User) -> bytes:
    """Send the form that adds a member; return the page that follows."""
    return client.post(
        f"{ADMIN}/membership/add/",
        {
            "organization": str(organization.id),
            "user": str(user.id),
            "role": "member",
        },
        follow=True,
    ).content


def remove(client: Client, organization: Organization, user: User) -> tuple[str, bytes]:
    """Confirm that a member shall go; return where that leads, and the page there."""
    membership = Membership.objects.get(organization=organization, user=user)
    response = client.post(
        f"{ADMIN}/membership/{membership.id}/delete/", {"post": "yes"}, follow=True
    )
    return response.request["PATH_INFO"], response.content


@pytest.mark.usefixtures("operator", "acme", "session", "challenge")
@pytest.mark.parametrize("page", PAGES)
def test_every_list_opens_for_an_operator(client: Client, page: str) -> None:
    assert client.get(f"{ADMIN}/{page}/").status_code == 200


@pytest.mark.usefixtures("operator", "acme", "session", "challenge")
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("text", ["example", str(UUID(int=7)), "no'; --"])
def test_every_list_is_searched(client: Client, page: str, text: str) -> None:
    assert client.get(f"{ADMIN}/{page}/", {"q": text}).status_code == 200


@pytest.mark.usefixtures("operator", "acme", "session", "challenge")
@pytest.mark.parametrize("page", PAGES)
def test_every_row_opens_for_an_operator(client: Client, page: str) -> None:
    rows = client.get(f"{ADMIN}/{page}/").content.decode()
    link = re.search(rf"{ADMIN}/{page}/[^/]+/change/", rows)
    assert link is not None

    assert client.get(link.group()).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_no_page_opens_for_a_person_who_is_no_staff(
    client: Client, ada: User, page: str
) -> None:
    client.force_login(ada)

    response = client.get(f"{ADMIN}/{page}/")

    assert response.status_code == 302
    assert response["Location"] == f"/admin/login/?next={ADMIN}/{page}/"


@pytest.mark.usefixtures("acme")
def test_a_person_who_is_no_staff_changes_nothing(
    client: Client, ada: User, recorded: Recorded
) -> None:
    client.force_login(ada)

    assert save_user(client, ada, role="operator") == 302

    ada.refresh_from_db()
    assert (ada.role, recorded()) == ("user", [])


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(
    "page", ["user", "session", "challenge", "organization", "auditentry"]
)
def test_nobody_adds_rows(client: Client, page: str) -> None:
    assert client.get(f"{ADMIN}/{page}/add/").status_code == 403


@pytest.mark.usefixtures("operator")
def test_nobody_deletes_a_user(client: Client, ada: User) -> None:
    response = client.post(f"{ADMIN}/user/{ada.id}/delete/", {"post": "yes"})

    assert response.status_code == 403
    assert User.objects.filter(id=ada.id).count() == 1


def test_an_operator_makes_an_operator(
    client: Client, operator: User, ada: User, session: Session, recorded: Recorded
) -> None:
    assert save_user(client, ada, role="operator") == 302

    ada.refresh_from_db()
    assert (ada.role, ada.is_staff) == ("operator", True)
    assert recorded() == [
        (
            "user.role_changed",
            operator.id,
            ada.id,
            None,
            {"role": "operator", "previous_role": "user"},
        ),
        (
            "session.revoked",
            operator.id,
            session.id,
            None,
            {"reason": "role_changed"},
        ),
    ]


def test_an_operator_deactivates_a_person(
    client: Client, operator: User, ada: User, session: Session, recorded: Recorded
) -> None:
    assert save_user(client, ada, is_active="") == 302

    ada.refresh_from_db()
    assert ada.is_active is False
    assert recorded() == [
        ("user.deactivated", operator.id, ada.id, None, {}),
        ("session.revoked", operator.id, session.id, None, {"reason": "deactivated"}),
    ]


def test_an_operator_activates_a_person_again(
    client: Client, operator: User, ada: User, recorded: Recorded
) -> None:
    save_user(client, ada, is_active="")
    save_user(client, ada)

    ada.refresh_from_db()
    assert ada.is_active is True
    assert recorded() == [
        ("user.deactivated", operator.id, ada.id, None, {}),
        ("user.activated", operator.id, ada.id, None, {}),
    ]


@pytest.mark.usefixtures("operator")
def test_a_form_without_a_change_changes_nothing(
    client: Client, ada: User, recorded: Recorded
) -> None:
    assert save_user(client, ada) == 302

    assert recorded() == []


@pytest.mark.usefixtures("operator")
def test_the_address_of_a_person_is_not_to_be_changed(
    client: Client, ada: User
) -> None:
    save_user(client, ada, email="mallory@example.com", is_superuser="on")

    ada.refresh_from_db()
    assert (ada.email, ada.is_superuser) == ("ada@example.com", False)


def test_an_operator_ends_all_sessions_of_chosen_people(
    client: Client,
    operator: User,
    ada: User,
    grace: User,
    session: Session,
    recorded: Recorded,
) -> None:
    chosen = [str(ada.id), str(grace.id)]

    response = client.post(
        f"{ADMIN}/user/",
        {"action": "end_sessions", "_selected_action": chosen},
        follow=True,
    )

    session.refresh_from_db()
    assert session.revoke_reason == "operator"
    assert b"Ended 1 sessions of 2 users." in response.content
    assert recorded() == [
        ("session.revoked", operator.id, session.id, None, {"reason": "operator"})
    ]


def test_an_operator_adds_a_member(
    client: Client,
    operator: User,
    mallory: User,
    acme: Organization,
    emitted: Emitted,
    recorded: Recorded,
) -> None:
    page = add(client, acme, mallory)

    assert b"was added successfully" in page
    assert Membership.objects.get(user=mallory).role == "member"
    assert emitted() == [MemberAdded(org_id=acme.id, user_id=mallory.id, role="member")]
    assert recorded() == [
        ("member.added", operator.id, mallory.id, acme.id, {"role": "member"})
    ]


@pytest.mark.usefixtures("operator")
def test_a_member_is_not_added_twice(
    client: Client, ada: User, acme: Organization, recorded: Recorded
) -> None:
    page = add(client, acme, ada)

    assert b"already exists" in page
    assert recorded() == []


def test_an_operator_removes_a_member(
    client: Client,
    operator: User,
    ada: User,
    acme: Organization,
    emitted: Emitted,
    recorded: Recorded,
) -> None:
    path, page = remove(client, acme, ada)

    assert path == "/admin/"
    assert b"was deleted successfully" in page
    assert Membership.objects.filter(user=ada).count() == 0
    assert emitted() == [MemberRemoved(org_id=acme.id, user_id=ada.id)]
    assert recorded() == [("member.removed", operator.id, ada.id, acme.id, {})]


@pytest.mark.usefixtures("operator")
def test_says_why_the_last_owner_stays(
    client: Client, grace: User, acme: Organization, recorded: Recorded
) -> None:
    path, page = remove(client, acme, grace)

    assert path == f"{ADMIN}/membership/"
    assert b"An organization keeps at least one owner" in page
    assert b"was deleted successfully" not in page
    assert Membership.objects.get(user=grace).role == "owner"
    assert recorded() == []


@pytest.mark.usefixtures("operator")
def test_members_are_not_removed_in_bulk(client: Client, acme: Organization) -> None:
    chosen = [str(row.id) for row in Membership.objects.filter(organization=acme)]

    client.post(
        f"{ADMIN}/membership/",
        {"action": "delete_selected", "_selected_action": chosen, "post": "yes"},
    )

    assert Membership.objects.filter(organization=acme).count() == 2


@pytest.mark.usefixtures("operator")
def test_the_hash_of_a_code_is_never_shown(
    client: Client, challenge: Challenge
) -> None:
    pages = "".join(
        client.get(f"{ADMIN}/challenge/{path}").content.decode()
        for path in ["", f"{challenge.id}/change/"]
    )

    assert pages.count(challenge.email) >= 2
    assert "hmac" not in pages.lower()
    assert bytes(challenge.code_hmac).hex() not in pages
    assert str(bytes(challenge.code_hmac)) not in pages


@pytest.mark.usefixtures("operator", "acme")
def test_the_record_is_not_to_be_changed(client: Client) -> None:
    entry = AuditEntry.objects.earliest("seq")

    response = client.post(
        f"{ADMIN}/auditentry/{entry.seq}/change/", {"action": "user.hidden"}
    )

    assert response.status_code == 403
    assert AuditEntry.objects.earliest("seq").action == entry.action

"""What operators see and do."""

import re
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import (
    AuditEntry,
    AuditExport,
    Challenge,
    Impersonation,
    Membership,
    Organization,
    Session,
    User,
)
from accounts.services import find_or_create_user, request_code
from accounts.services.sessions import open_session
from opencore.events.org.v1 import MemberAdded, MemberRemoved
from tests.accounts.conftest import Emitted, Recorded

pytestmark = pytest.mark.django_db

ADMIN = "/admin/accounts"
WHY = "Ticket 7"
PAGES = [
    *("user", "session", "challenge", "organization", "membership", "auditentry"),
    *("impersonation", "auditexport"),
]


@pytest.fixture
def session(ada: User) -> Session:
    """A session of ada's."""
    open_session(user=ada, ip=None, user_agent="Browser/1", now=timezone.now())
    return Session.objects.get()


@pytest.fixture
def things(acme: Organization, session: Session, challenge: Challenge) -> None:
    """A row of everything there is a page of."""
    joan = find_or_create_user(email="joan@example.com", actor_id=None)
    now = timezone.now()
    Impersonation.objects.create(
        session=session,
        user=session.user,
        impersonator=joan,
        reason="a test",
        started_at=now,
        expires_at=now,
    )
    AuditExport.objects.create(
        organization_id=acme.id, requested_by=joan.id, format="csv"
    )


@pytest.fixture
def challenge() -> Challenge:
    """A code that is on its way to ada's address."""
    asked = request_code(
        email="ada@example.com", ip=None, user_agent="", now=timezone.now()
    )
    return Challenge.objects.get(id=asked.challenge_id)


def add(client: Client, organization: Organization, user: User) -> bytes:
    """Send the form that adds a member; return the page that follows."""
    return client.post(
        f"{ADMIN}/membership/add/",
        {
            "organization": str(organization.id),
            "user": str(user.id),
            "role": "member",
            "reason": WHY,
        },
        follow=True,
    ).content


def remove(
    client: Client, organization: Organization, user: User, reason: str = "He asked."
) -> tuple[str, bytes]:
    """Confirm that a member shall go; return where that leads, and the page there."""
    membership = Membership.objects.get(organization=organization, user=user)
    response = client.post(
        f"{ADMIN}/membership/{membership.id}/delete/",
        {"post": "yes", "reason": reason},
        follow=True,
    )
    return response.request["PATH_INFO"], response.content


@pytest.mark.usefixtures("operator", "things")
@pytest.mark.parametrize("page", PAGES)
def test_every_list_opens_for_an_operator(client: Client, page: str) -> None:
    assert client.get(f"{ADMIN}/{page}/").status_code == 200


@pytest.mark.usefixtures("operator", "things")
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("text", ["example", str(UUID(int=7)), "no'; --"])
def test_every_list_is_searched(client: Client, page: str, text: str) -> None:
    assert client.get(f"{ADMIN}/{page}/", {"q": text}).status_code == 200


@pytest.mark.usefixtures("operator", "things")
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
def test_a_member_is_not_removed_without_a_reason(
    client: Client, ada: User, acme: Organization, recorded: Recorded
) -> None:
    path, page = remove(client, acme, ada, reason=" ")

    assert path.endswith("/delete/")
    assert b"Say why." in page
    assert recorded() == []


@pytest.mark.usefixtures("operator")
def test_who_adds_and_removes_members_says_why_and_is_recorded_as_staff(
    client: Client, mallory: User, acme: Organization
) -> None:
    add(client, acme, mallory)
    remove(client, acme, mallory, reason="By mistake")

    entries = AuditEntry.objects.filter(target_id=mallory.id, organization_id=acme.id)
    assert [
        (entry.actor_kind, entry.justification) for entry in entries.order_by("seq")
    ] == [("staff", WHY), ("staff", "By mistake")]


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

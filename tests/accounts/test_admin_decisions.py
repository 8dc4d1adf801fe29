"""What operators decide about people and organizations, with a reason."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.admin import parts
from accounts.admin.parts import PROVED_AT
from accounts.models import (
    ApiKey,
    AuditEntry,
    AuditExport,
    Challenge,
    DataRequest,
    Impersonation,
    Invitation,
    Organization,
    ServiceAccount,
    User,
)
from accounts.services import request_code, seal_entries, write_next_export
from billing.models import Customer, Subscription
from opencore.errors import DomainError
from opencore.tokens import read_access
from tests.accounts.browser import browser_of
from tests.accounts.conftest import Recorded
from tests.accounts.tampering import change_entry

pytestmark = pytest.mark.django_db

ADMIN = "/admin/accounts"
WHY = "Ticket 7"


def decide(client: Client, row: Any, name: str, **said: str) -> Any:  # noqa: ANN401 -- a row of any table, and the test client's answer
    """Take a decision about a row, with a reason unless told otherwise."""
    place = f"{ADMIN}/{row._meta.model_name}/{row.pk}/decide/{name}/"
    return client.post(place, {"reason": WHY, **said}, follow=True)


def offered(client: Client, row: Any) -> set[str]:  # noqa: ANN401 -- as above
    """Return the decisions that the page of a row offers."""
    page = client.get(f"{ADMIN}/{row._meta.model_name}/{row.pk}/change/")
    return set(re.findall(r"/decide/([a-z-]+)/", page.content.decode()))


def justified(action: str, operator: User) -> bool:
    """Tell whether something is recorded as staff's, with the reason."""
    entry = AuditEntry.objects.filter(action=action).latest("seq")
    said = (entry.actor_kind, entry.actor_id, entry.justification)
    return said == ("staff", operator.id, WHY)


def test_all_sessions_of_a_person_are_ended(
    client: Client, operator: User, ada: User
) -> None:
    phone = browser_of(ada)

    page = decide(client, ada, "end-sessions")

    assert b"Ended 1 sessions." in page.content
    assert phone.session.revoke_reason == "operator"
    assert justified("session.revoked", operator)


def test_a_person_is_deactivated_and_activated_again(
    client: Client, operator: User, ada: User
) -> None:
    phone = browser_of(ada)

    decide(client, ada, "deactivate")

    ada.refresh_from_db()
    assert (ada.is_active, phone.session.revoke_reason) == (False, "deactivated")
    assert justified("user.deactivated", operator)
    assert "deactivate" not in offered(client, ada)
    decide(client, ada, "activate")
    ada.refresh_from_db()
    assert ada.is_active
    assert justified("user.activated", operator)


@pytest.mark.parametrize(("role", "is_staff"), [("operator", True), ("support", False)])
def test_a_person_becomes_one_of_the_staff(
    client: Client, operator: User, ada: User, role: str, is_staff: bool
) -> None:
    phone = browser_of(ada)

    decide(client, ada, "role", role=role)

    ada.refresh_from_db()
    assert (ada.role, ada.is_staff) == (role, is_staff)
    assert phone.session.revoke_reason == "role_changed"
    assert justified("user.role_changed", operator)


def test_an_address_gets_no_codes_until_it_is_unlocked(
    client: Client, operator: User, ada: User
) -> None:
    asked = request_code(email=ada.email, ip=None, user_agent="", now=timezone.now())

    decide(client, ada, "lock", hours="24")

    assert justified("sign_in.locked", operator)
    assert not Challenge.objects.get(id=asked.challenge_id).is_live()
    assert offered(client, ada) >= {"unlock"}
    later = timezone.now() + timedelta(hours=23)
    with pytest.raises(DomainError) as refused:
        request_code(email=ada.email, ip=None, user_agent="", now=later)
    assert refused.value.code == "sign_in_locked"
    decide(client, ada, "unlock")
    assert justified("sign_in.unlocked", operator)
    assert offered(client, ada) >= {"lock"}
    request_code(email=ada.email, ip=None, user_agent="", now=later)


@pytest.mark.parametrize("kind", ["export", "erasure"])
def test_data_is_asked_for_in_the_name_of_a_person(
    client: Client, operator: User, ada: User, kind: str
) -> None:
    page = decide(client, ada, "data-request", kind=kind)

    made = DataRequest.objects.get(user=ada)
    assert (made.kind, made.requested_by, made.reason) == (kind, operator.id, WHY)
    assert justified("data_request.created", operator)
    assert b"the person is told" in page.content
    again = decide(client, ada, "data-request", kind=kind)
    assert b"A request of this kind is being worked on" in again.content


def signed_in_just_now(client: Client, ago: timedelta = timedelta()) -> None:
    """Let the operator have proved who they are so long ago."""
    session = client.session
    session[PROVED_AT] = (timezone.now() - ago).isoformat()
    session.save()


def test_an_operator_acts_as_a_person(
    client: Client, operator: User, ada: User
) -> None:
    signed_in_just_now(client)

    page = decide(client, ada, "impersonate", read_only="on")

    acting = Impersonation.objects.get()
    shown = re.search(r"<textarea[^>]*>([^<]+)</textarea>", page.content.decode())
    assert shown is not None
    claims = read_access(shown[1])
    assert (claims.user_id, claims.impersonator_id) == (ada.id, operator.id)
    assert claims.read_only
    assert "no-store" in page["Cache-Control"]
    assert (acting.reason, acting.read_only) == (WHY, True)
    assert justified("impersonation.started", operator)
    decide(client, acting, "end")
    acting.refresh_from_db()
    assert acting.ended_at is not None
    assert justified("impersonation.ended", operator)


def test_whoever_signed_in_long_ago_acts_as_nobody(
    client: Client, operator: User, ada: User
) -> None:
    never = decide(client, ada, "impersonate")
    signed_in_just_now(client, timedelta(minutes=11))

    page = decide(client, ada, "impersonate")

    assert b"Sign in to the admin again first" in never.content

    assert b"Sign in to the admin again first" in page.content
    assert Impersonation.objects.count() == 0


@pytest.mark.parametrize("change", [{"role": "support"}, {"is_active": False}])
def test_nobody_is_offered_to_act_as_staff_or_who_is_locked_out(
    client: Client, operator: User, ada: User, change: dict[str, object]
) -> None:
    signed_in_just_now(client)
    User.objects.filter(id=ada.id).update(**change)

    assert "impersonate" not in offered(client, ada)
    assert decide(client, ada, "impersonate").status_code == 404


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(
    "name", ["end-sessions", "lock", "deactivate", "role", "data-request"]
)
@pytest.mark.parametrize("reason", ["", "   "])
def test_nothing_is_decided_without_a_reason(
    client: Client, ada: User, recorded: Recorded, name: str, reason: str
) -> None:
    more = {"hours": "1", "role": "operator", "kind": "export"}

    page = decide(client, ada, name, **{**more, "reason": reason})

    assert b"This field is required" in page.content
    assert recorded() == []


def test_who_is_no_staff_decides_nothing(
    client: Client, ada: User, grace: User, recorded: Recorded
) -> None:
    client.force_login(grace)

    page = decide(client, ada, "deactivate")

    assert page.request["PATH_INFO"] == "/admin/login/"
    assert recorded() == []


@pytest.mark.usefixtures("operator")
def test_what_there_is_not_to_decide_is_not_found(client: Client, ada: User) -> None:
    assert decide(client, ada, "explode").status_code == 404
    ada.pk = Organization(name="x").pk
    assert decide(client, ada, "deactivate").status_code == 404


@pytest.mark.usefixtures("operator")
def test_a_page_of_a_person_is_not_saved(
    client: Client, ada: User, recorded: Recorded
) -> None:
    response = client.post(f"{ADMIN}/user/{ada.id}/change/", {"role": "operator"})

    assert response.status_code == 403
    assert recorded() == []


def test_an_organization_is_suspended_and_resumed(
    client: Client, operator: User, acme: Organization
) -> None:
    assert offered(client, acme) == {"suspend", "export"}

    decide(client, acme, "suspend")

    acme.refresh_from_db()
    assert acme.status == "suspended"
    assert justified("organization.suspended", operator)
    assert offered(client, acme) == {"resume", "export"}
    decide(client, acme, "resume")
    acme.refresh_from_db()
    assert acme.status == "active"
    assert justified("organization.resumed", operator)


@pytest.mark.usefixtures("operator")
def test_an_organization_shows_members_invitations_and_keys_without_secrets(
    client: Client, ada: User, acme: Organization
) -> None:
    now = timezone.now()
    Invitation.objects.create(
        organization=acme,
        email="invited@example.com",
        role="member",
        token_hmac=b"not to be shown",
        invited_by=ada.id,
        sent_at=now,
        expires_at=now,
    )
    robot = ServiceAccount.objects.create(
        organization=acme, name="robot", role="viewer", created_by=ada.id
    )
    ApiKey.objects.create(
        organization=acme,
        service_account=robot,
        name="deploy",
        prefix="k3yk3y00",
        secret_hmac=b"not to be shown",
        scopes=["org.read"],
        created_by=ada.id,
    )

    page = client.get(f"{ADMIN}/organization/{acme.id}/change/").content

    for shown in (b"ada@example.com", b"invited@example.com", b"k3yk3y00", b"robot"):
        assert shown in page
    assert b"not to be shown" not in page
    assert b"hmac" not in page


@pytest.mark.usefixtures("operator")
def test_an_organization_leads_to_what_it_subscribed_to(
    client: Client, ada: User, acme: Organization
) -> None:
    customer = Customer.objects.create(org_id=acme.id)
    for owner, plan in ((customer, "acmes-plan"), (None, "anothers-plan")):
        Subscription.objects.create(
            customer=owner or Customer.objects.create(user_id=ada.id),
            user_id=ada.id,
            plan=plan,
            period_end=timezone.now() + timedelta(days=30),
        )
    page = client.get(f"{ADMIN}/organization/{acme.id}/change/").content.decode()
    place = re.search(r'href="(/admin/billing/subscription/[^"]+)"', page)
    assert place is not None

    found = client.get(place[1]).content

    assert b"acmes-plan" in found
    assert b"anothers-plan" not in found


def test_the_record_of_an_organization_is_exported(
    client: Client, operator: User, acme: Organization
) -> None:
    decide(client, acme, "export", format="csv")

    assert write_next_export(now=timezone.now())
    export = AuditExport.objects.get(organization_id=acme.id)
    assert (export.requested_by, export.status) == (operator.id, "done")
    assert justified("audit.exported", operator)
    page = client.get(f"{ADMIN}/auditexport/{export.id}/change/").content.decode()
    place = re.search(r'href="([^"]+/content/)"', page)
    assert place is not None
    file = client.get(place[1])
    assert file["Content-Type"].startswith("text/csv")
    assert file["Repr-Digest"].startswith("sha-256=:")
    assert b"organization.created" in file.getvalue()


@pytest.mark.usefixtures("operator")
def test_a_file_that_is_not_there_is_not_found(
    client: Client, ada: User, acme: Organization
) -> None:
    export = AuditExport.objects.create(
        organization_id=acme.id, requested_by=ada.id, format="csv"
    )

    assert client.get(f"{ADMIN}/auditexport/{export.id}/content/").status_code == 404


def verified(client: Client, organization: Organization) -> str:
    """Let a chain be verified; return the page that follows."""
    place = f"{ADMIN}/auditentry/chains/{organization.id}/verify/"
    return client.post(place, follow=True).content.decode()


@pytest.mark.usefixtures("operator")
def test_the_chains_are_shown_and_proved(client: Client, acme: Organization) -> None:
    seal_entries(now=timezone.now())

    page = client.get(f"{ADMIN}/auditentry/chains/").content.decode()

    assert "Acme" in page
    assert "no organization" in page
    assert "entries are as they were sealed" in verified(client, acme)


@pytest.mark.usefixtures("operator")
def test_a_chain_that_was_tampered_with_is_told(
    client: Client, acme: Organization
) -> None:
    seal_entries(now=timezone.now())
    entry = AuditEntry.objects.filter(organization_id=acme.id).earliest("seq")
    change_entry(entry.seq, "action = 'member.added'")

    page = verified(client, acme)

    assert f"entry {entry.entry_id}: the entry or its seal was changed" in page


@pytest.mark.usefixtures("operator")
def test_a_chain_is_not_followed_by_who_only_looks_at_a_page(
    client: Client, acme: Organization
) -> None:
    place = f"{ADMIN}/auditentry/chains"

    assert client.get(f"{place}/{acme.id}/verify/").status_code == 403
    assert client.get(f"{place}/?chain=x").status_code == 404


def test_the_pages_of_the_record_are_staffs(client: Client, ada: User) -> None:
    client.force_login(ada)

    for place in ("auditentry/chains/", f"auditexport/{ada.id}/content/"):
        assert client.get(f"{ADMIN}/{place}").status_code == 302


@pytest.mark.usefixtures("operator")
def test_a_page_shows_the_first_of_many_rows_and_asks_once_for_all(
    client: Client, ada: User, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{ADMIN}/user/{ada.id}/change/"
    browser_of(ada)
    with CaptureQueriesContext(connection) as few:
        client.get(place)
    for _ in range(3):
        browser_of(ada, user_agent="Newer/1")
    with CaptureQueriesContext(connection) as many:
        client.get(place)
    monkeypatch.setattr(parts, "MOST_ROWS", 3)

    page = client.get(place).content

    assert len(many) == len(few)
    assert page.count(b"Newer") == 3
    assert b"Browser" not in page

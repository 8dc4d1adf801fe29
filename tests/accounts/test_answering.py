"""Who is invited sees by whom and to what, and joins once, or declines."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Invitation, Membership, Organization, User
from accounts.roles import Role
from accounts.services import (
    add_member,
    delete_organization,
    resend_invitation,
    suspend_organization,
)
from opencore.events.org.v1 import (
    InvitationAccepted,
    InvitationRevoked,
    MemberAdded,
)
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.inviting import invited, mailed_token
from tests.accounts.memberships import role_of
from tests.accounts.proved import Fresh, Proved
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db
LINKS, MINE = "/v1/invitations", "/v1/users/me/invitations"
LONG_AGO = timedelta(days=8)


def link(invitation: Invitation) -> str:
    """Return where the link leads that was mailed last."""
    return f"{LINKS}/{mailed_token(invitation.id)}"


def accept(invitation: Invitation) -> str:
    return f"{link(invitation)}/accept"


def test_a_link_shows_who_invites_to_what_without_an_account(
    grace: User, acme: Organization
) -> None:
    User.objects.filter(id=grace.id).update(name="Grace Hopper")
    made = invited(acme, grace, "new@example.com", Role.DEVELOPER)

    response = Client().get(link(made))

    assert response.status_code == 200
    assert body_of(response) == {
        "id": str(made.id),
        "organization": {"id": str(acme.id), "name": "Acme"},
        "email": "new@example.com",
        "role": "developer",
        "inviter": "Grace Hopper",
        "expires_at": made.expires_at.isoformat().replace("+00:00", "Z"),
    }
    assert response["Cache-Control"] == "no-store"


class Spoiled:
    """What makes a link lead nowhere."""

    def expired(self, invitation: Invitation) -> None:
        Invitation.objects.update(expires_at=timezone.now())

    def revoked(self, invitation: Invitation) -> None:
        Invitation.objects.update(revoked_at=timezone.now())

    def accepted(self, invitation: Invitation) -> None:
        Invitation.objects.update(accepted_at=timezone.now())

    def suspended(self, invitation: Invitation) -> None:
        Organization.objects.update(status="suspended")


@pytest.mark.parametrize("how", ["expired", "revoked", "accepted", "suspended"])
def test_a_link_that_is_good_for_nothing_leads_nowhere(
    grace: User, acme: Organization, how: str
) -> None:
    made = invited(acme, grace)
    path = link(made)
    getattr(Spoiled(), how)(made)

    unknown = Client().get(f"{LINKS}/oci_{'x' * 43}")
    response = Client().get(path)

    assert_problem(response, 404, "not_found")
    said, of_unknown = body_of(response), body_of(unknown)
    differing = {name for name in said if said[name] != of_unknown.get(name)}
    assert (said.keys(), differing) == (of_unknown.keys(), {"instance", "request_id"})


@pytest.mark.parametrize("token", ["x", "oci_", "ÿ", "%00", "%2e%2e", "a" * 2000])
def test_a_link_that_was_made_up_leads_nowhere(token: str) -> None:
    assert_problem(Client().get(f"{LINKS}/{token}"), 404, "not_found")


def test_a_link_is_good_for_nothing_when_another_was_sent(
    grace: User, mallory: User, acme: Organization
) -> None:
    made = invited(acme, grace, now=timezone.now() - timedelta(hours=1))
    first = link(made)
    resend_invitation(
        organization_id=acme.id,
        invitation_id=made.id,
        own_role=Role.OWNER,
        actor_id=grace.id,
        now=timezone.now(),
    )

    assert_problem(Client().get(first), 404, "not_found")
    assert_problem(Api(mallory.id).post(f"{first}/accept"), 404, "not_found")
    assert Api(mallory.id).post(accept(made)).status_code == 200


def test_a_link_is_good_when_the_pepper_changed_until_the_old_one_goes(
    grace: User, acme: Organization, settings: Settings
) -> None:
    path = link(invited(acme, grace))
    settings.PREVIOUS_LOOKUP_PEPPERS = [settings.LOOKUP_PEPPER]
    settings.LOOKUP_PEPPER = "another-" * 8

    assert Client().get(path).status_code == 200
    settings.PREVIOUS_LOOKUP_PEPPERS = []
    assert_problem(Client().get(path), 404, "not_found")


def test_links_are_not_tried_without_end(settings: Settings) -> None:
    settings.INVITATION_READ_RATE = "2/m"
    address = f"2001:db8:{uuid4().hex[:4]}:{uuid4().hex[:4]}::1"

    answers = [
        Client().get(f"{LINKS}/oci_guess", REMOTE_ADDR=address).status_code
        for _ in range(3)
    ]

    assert answers == [404, 404, 429]


def test_who_is_invited_joins_by_the_link(
    grace: User,
    mallory: User,
    acme: Organization,
    emitted: Emitted,
    recorded: Recorded,
) -> None:
    made = invited(acme, grace, "Mallory@Example.com", Role.ADMIN)
    before = len(emitted()), len(recorded())

    response = Api(mallory.id).post(accept(made))

    shown = body_of(response)
    assert response.status_code == 200
    assert (shown["id"], shown["role"]) == (str(acme.id), "admin")
    joined, kept = Membership.objects.get(user=mallory), Invitation.objects.get()
    assert (joined.role, joined.invited_by) == ("admin", grace.id)
    assert (kept.accepted_by, kept.accepted_at is None) == (mallory.id, False)
    assert emitted()[before[0] :] == [
        InvitationAccepted(
            org_id=acme.id,
            org_name="Acme",
            invitation_id=made.id,
            user_id=mallory.id,
            role="admin",
            invited_by=grace.id,
        ),
        MemberAdded(org_id=acme.id, user_id=mallory.id, role="admin"),
    ]
    assert recorded()[before[1] :] == [
        ("invitation.accepted", mallory.id, made.id, acme.id, {}),
        ("member.added", mallory.id, mallory.id, acme.id, {"role": "admin"}),
    ]


def test_a_link_is_good_for_one_membership(
    grace: User, mallory: User, acme: Organization
) -> None:
    made = invited(acme, grace)
    Api(mallory.id).post(accept(made))

    again = Api(mallory.id).post(accept(made))

    assert_problem(again, 409, "invitation_closed")


def test_a_link_is_good_for_its_address_alone(
    grace: User, mallory: User, acme: Organization, emitted: Emitted
) -> None:
    made = invited(acme, grace, "somebody@example.com")
    before = len(emitted())

    response = Api(mallory.id).post(accept(made))

    assert_problem(response, 403, "wrong_address")
    assert not Membership.objects.filter(user=mallory).exists()
    assert len(emitted()) == before


def test_nobody_joins_by_a_link_that_is_too_old(
    grace: User, mallory: User, acme: Organization
) -> None:
    made = invited(acme, grace, now=timezone.now() - LONG_AGO)

    assert_problem(Api(mallory.id).post(accept(made)), 410, "invitation_expired")
    assert not Membership.objects.filter(user=mallory).exists()


def test_who_became_a_member_meanwhile_is_told_so(
    grace: User, mallory: User, acme: Organization
) -> None:
    made = invited(acme, grace, role=Role.ADMIN)
    add_member(
        organization_id=acme.id, user_id=mallory.id, role=Role.VIEWER, actor_id=grace.id
    )

    assert_problem(Api(mallory.id).post(accept(made)), 409, "already_member")
    assert role_of(acme, mallory) == "viewer"
    assert body_of(Api(mallory.id).get(MINE))["data"] == []


@pytest.mark.parametrize(
    ("settings_", "status", "code"),
    [
        ({"member_limit": 2}, 409, "seat_limit_reached"),
        ({"allowed_domains": ["acme.example"]}, 403, "domain_not_allowed"),
    ],
    ids=["full", "another domain"],
)
def test_what_the_organization_takes_is_looked_at_when_somebody_joins(
    grace: User,
    mallory: User,
    acme: Organization,
    settings_: dict[str, object],
    status: int,
    code: str,
) -> None:
    made = invited(acme, grace)
    Organization.objects.filter(id=acme.id).update(settings=settings_)

    assert_problem(Api(mallory.id).post(accept(made)), status, code)
    assert not Membership.objects.filter(user=mallory).exists()
    assert Invitation.objects.get().accepted_at is None


def test_nobody_joins_a_suspended_organization(
    grace: User, mallory: User, acme: Organization, operator: User
) -> None:
    made = invited(acme, grace)
    suspend_organization(
        organization_id=acme.id,
        reason="unpaid",
        actor_id=operator.id,
        now=timezone.now(),
    )

    response = Api(mallory.id).post(accept(made))

    assert_problem(response, 403, "organization_suspended")
    assert body_of(Api(mallory.id).get(MINE))["data"] == []


def test_nobody_joins_a_deleted_organization(
    grace: User, mallory: User, acme: Organization
) -> None:
    made = invited(acme, grace)
    delete_organization(organization_id=acme.id, actor_id=grace.id, now=timezone.now())

    assert_problem(Api(mallory.id).post(accept(made)), 409, "invitation_closed")


def test_a_person_sees_what_they_are_asked_to_join(
    grace: User, ada: User, mallory: User, acme: Organization
) -> None:
    globex = Organization.objects.create(name="Globex", created_by=ada.id)
    Membership.objects.create(organization=globex, user=ada, role="owner")
    made = [
        invited(acme, grace, "MALLORY@example.com"),
        invited(globex, ada, role=Role.VIEWER),
    ]
    invited(globex, ada, "somebody@example.com")

    shown = body_of(Api(mallory.id).get(MINE))

    assert [row["id"] for row in shown["data"]] == [
        str(each.id) for each in reversed(made)
    ]
    assert shown["data"][0]["organization"] == {"id": str(globex.id), "name": "Globex"}
    assert shown["data"][0]["inviter"] == "ada@example.com"
    assert body_of(Api(mallory.id).get(f"{MINE}?limit=1"))["has_more"] is True


@pytest.mark.parametrize("how", ["expired", "revoked", "accepted", "suspended"])
def test_a_person_sees_only_what_can_be_accepted(
    grace: User, mallory: User, acme: Organization, how: str
) -> None:
    getattr(Spoiled(), how)(invited(acme, grace))

    assert body_of(Api(mallory.id).get(MINE))["data"] == []


def test_who_is_invited_joins_without_the_link(
    grace: User, mallory: User, acme: Organization
) -> None:
    made = invited(acme, grace, role=Role.BILLING)

    response = Api(mallory.id).post(f"{MINE}/{made.id}/accept")

    assert (response.status_code, body_of(response)["role"]) == (200, "billing")
    assert role_of(acme, mallory) == "billing"


def test_who_is_invited_declines(
    grace: User,
    mallory: User,
    acme: Organization,
    emitted: Emitted,
    recorded: Recorded,
) -> None:
    made = invited(acme, grace)

    response = Api(mallory.id).post(f"{MINE}/{made.id}/decline")

    assert (response.status_code, response.getvalue()) == (204, b"")
    assert emitted()[-1] == InvitationRevoked(
        org_id=acme.id, invitation_id=made.id, reason="declined"
    )
    assert recorded()[-1] == (
        "invitation.revoked",
        mallory.id,
        made.id,
        acme.id,
        {"reason": "declined"},
    )
    assert_problem(Api(mallory.id).post(accept(made)), 409, "invitation_closed")
    again = Api(mallory.id).post(f"{MINE}/{made.id}/decline")
    assert_problem(again, 409, "invitation_closed")


@pytest.mark.parametrize("deed", ["accept", "decline"])
def test_an_invitation_of_somebody_else_is_not_found(
    grace: User, mallory: User, acme: Organization, deed: str
) -> None:
    made = invited(acme, grace, "somebody@example.com")

    for invitation_id in (made.id, uuid4()):
        response = Api(mallory.id).post(f"{MINE}/{invitation_id}/{deed}")
        assert_problem(response, 404, "not_found")
    assert Invitation.objects.get().revoked_at is None


@pytest.mark.parametrize("deed", ["accept", "decline"])
def test_staff_who_act_as_a_person_do_not_answer_for_them(
    grace: User, mallory: User, acme: Organization, deed: str
) -> None:
    made = invited(acme, grace)
    staff = Proved(mallory.id, proof=Fresh(impersonator_id=uuid4()))

    response = staff.post(f"{MINE}/{made.id}/{deed}")

    assert_problem(response, 403, "forbidden")
    assert staff.get(MINE).status_code == 200

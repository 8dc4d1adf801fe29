"""Invitations: who asks whom to join, how often, and how many are open."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Invitation, Membership, Organization, User
from accounts.roles import Role
from accounts.services import find_or_create_user, suspend_organization
from accounts.tasks import delete_stale_invitations
from opencore.events.org.v1 import (
    InvitationCreated,
    InvitationResent,
    InvitationRevoked,
)
from opencore.hashing import lookup_hash
from opencore.sealing import unseal
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.inviting import invitations, invited, mailed_token
from tests.accounts.memberships import give
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db
NEW = {"email": "new@example.com", "role": "developer"}


def test_an_owner_invites_an_address(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    response = Api(grace.id).post(invitations(acme), NEW)

    shown, kept = body_of(response), Invitation.objects.get()
    assert response.status_code == 201
    assert {name: shown[name] for name in ("email", "role", "status")} == {
        **NEW,
        "status": "pending",
    }
    assert (shown["id"], shown["sent_count"]) == (str(kept.id), 1)
    assert kept.expires_at - kept.created_at == timedelta(days=7)
    (event,) = emitted()
    assert isinstance(event, InvitationCreated)
    assert (event.org_id, event.org_name, event.invitation_id) == (
        acme.id,
        "Acme",
        kept.id,
    )
    assert (event.email, event.role) == ("new@example.com", "developer")
    assert (event.invited_by, event.inviter) == (grace.id, "grace@example.com")
    assert event.expires_at == kept.expires_at
    assert recorded() == [
        ("invitation.created", grace.id, kept.id, acme.id, {"role": "developer"})
    ]


def test_the_link_is_in_the_sealed_mail_alone_and_kept_as_a_hash(
    grace: User, acme: Organization, emitted: Emitted
) -> None:
    response = Api(grace.id).post(invitations(acme), NEW)

    (event,) = emitted()
    assert isinstance(event, InvitationCreated)
    token = unseal(event.sealed_token)
    assert token.startswith("oci_")
    assert len(token) >= 40
    assert token not in response.getvalue().decode() + event.sealed_token
    assert bytes(Invitation.objects.get().token_hmac) == lookup_hash(
        token, purpose="invitation"
    )


def test_who_invites_is_named_by_their_name_if_they_have_one(
    grace: User, acme: Organization, emitted: Emitted
) -> None:
    User.objects.filter(id=grace.id).update(name="Grace Hopper")

    Api(grace.id).post(invitations(acme), NEW)

    (event,) = emitted()
    assert isinstance(event, InvitationCreated)
    assert event.inviter == "Grace Hopper"


def test_whether_an_address_has_an_account_does_not_show(
    grace: User, mallory: User, acme: Organization
) -> None:
    known = Api(grace.id).post(invitations(acme), {"email": mallory.email})
    unknown = Api(grace.id).post(invitations(acme), {"email": "nobody@example.com"})

    assert known.status_code == unknown.status_code == 201
    said, of_nobody = body_of(known), body_of(unknown)
    own = {"id", "email", "created_at", "sent_at", "expires_at"}
    assert said.keys() == of_nobody.keys()
    assert [name for name in said if said[name] != of_nobody[name]] == [
        name for name in said if name in own
    ]


@pytest.mark.parametrize(
    ("own", "granted", "status"),
    [
        ("owner", "owner", 201),
        ("admin", "owner", 403),
        ("admin", "admin", 201),
        ("admin", "billing", 201),
        ("developer", "viewer", 403),
        ("billing", "billing", 403),
        ("member", "member", 403),
    ],
)
def test_nobody_invites_above_themselves(
    ada: User, acme: Organization, own: str, granted: str, status: int
) -> None:
    give(acme, ada, own)

    response = Api(ada.id).post(invitations(acme), {**NEW, "role": granted})

    assert response.status_code == status
    assert Invitation.objects.count() == {201: 1, 403: 0}[status]


@pytest.mark.parametrize("deed", ["resend", "revoke"])
def test_an_admin_touches_no_invitation_of_an_owner(
    ada: User, grace: User, acme: Organization, emitted: Emitted, deed: str
) -> None:
    give(acme, ada, "admin")
    made = invited(acme, grace, role=Role.OWNER, now=an_hour_ago())
    before = len(emitted())

    response = Api(ada.id).post(f"{invitations(acme)}/{made.id}/{deed}")

    assert_problem(response, 403, "forbidden")
    assert len(emitted()) == before


def test_a_member_is_not_invited(grace: User, ada: User, acme: Organization) -> None:
    response = Api(grace.id).post(invitations(acme), {"email": "ADA@example.com"})

    assert_problem(response, 409, "already_member")
    assert Invitation.objects.count() == 0


def test_an_address_has_one_open_invitation(grace: User, acme: Organization) -> None:
    Api(grace.id).post(invitations(acme), NEW)

    again = Api(grace.id).post(invitations(acme), {"email": "New@Example.com"})

    assert_problem(again, 409, "already_invited")
    assert Invitation.objects.count() == 1


def test_an_invitation_that_is_too_old_makes_way(
    grace: User, acme: Organization, emitted: Emitted
) -> None:
    old = invited(acme, grace, NEW["email"], now=timezone.now() - timedelta(days=8))
    before = len(emitted())

    assert Api(grace.id).post(invitations(acme), NEW).status_code == 201

    revoked, created = emitted()[before:]
    assert revoked == InvitationRevoked(
        org_id=acme.id, invitation_id=old.id, reason="expired"
    )
    assert isinstance(created, InvitationCreated)


def test_no_address_of_a_foreign_domain_is_invited(
    grace: User, acme: Organization
) -> None:
    Organization.objects.filter(id=acme.id).update(
        settings={"allowed_domains": ["acme.example"]}
    )

    response = Api(grace.id).post(invitations(acme), NEW)

    assert_problem(response, 403, "domain_not_allowed")


def test_members_and_open_invitations_together_fill_the_seats(
    grace: User, acme: Organization
) -> None:
    Organization.objects.filter(id=acme.id).update(settings={"member_limit": 3})

    first = Api(grace.id).post(invitations(acme), NEW)
    second = Api(grace.id).post(invitations(acme), {"email": "b@example.com"})

    assert first.status_code == 201
    assert_problem(second, 409, "seat_limit_reached")


def test_so_many_are_open_at_most(
    grace: User, acme: Organization, settings: Settings
) -> None:
    settings.INVITATIONS_MOST_OPEN = 2
    made = [invited(acme, grace, f"{name}@example.com") for name in "ab"]

    assert_problem(
        Api(grace.id).post(invitations(acme), NEW), 409, "invitation_limit_reached"
    )
    Api(grace.id).post(f"{invitations(acme)}/{made[0].id}/revoke")
    assert Api(grace.id).post(invitations(acme), NEW).status_code == 201


def test_so_many_are_made_in_a_day_at_most_whatever_became_of_them(
    grace: User, acme: Organization, settings: Settings
) -> None:
    settings.INVITATIONS_PER_DAY = 2
    invited(acme, grace, "a@example.com", now=an_hour_ago())
    made = invited(acme, grace, "b@example.com")
    Api(grace.id).post(f"{invitations(acme)}/{made.id}/revoke")

    response = Api(grace.id).post(invitations(acme), NEW)

    assert_problem(response, 429, "rate_limited")
    assert 22 * 3600 < int(response["Retry-After"]) <= 23 * 3600


def an_hour_ago() -> datetime:
    return timezone.now() - timedelta(hours=1)


def test_an_invitation_is_sent_again_with_another_link(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    made = invited(acme, grace, now=an_hour_ago())
    first = mailed_token(made.id)

    response = Api(grace.id).post(f"{invitations(acme)}/{made.id}/resend")

    kept, shown = Invitation.objects.get(), body_of(response)
    assert response.status_code == 200
    assert (shown["sent_count"], shown["status"]) == (2, "pending")
    second = mailed_token(made.id)
    assert second != first
    assert bytes(kept.token_hmac) == lookup_hash(second, purpose="invitation")
    assert kept.expires_at > made.expires_at
    event = emitted()[-1]
    assert isinstance(event, InvitationResent)
    assert (event.email, event.role) == ("mallory@example.com", "member")
    assert recorded()[-1] == ("invitation.resent", grace.id, made.id, acme.id, {})


def test_an_invitation_is_not_sent_again_at_once(
    grace: User, acme: Organization
) -> None:
    made = invited(acme, grace)

    response = Api(grace.id).post(f"{invitations(acme)}/{made.id}/resend")

    assert_problem(response, 429, "rate_limited")
    assert 50 < int(response["Retry-After"]) <= 60


def test_an_invitation_is_sent_so_often_at_most(
    grace: User, acme: Organization, settings: Settings
) -> None:
    settings.INVITATION_RESEND_AFTER = timedelta()
    made = invited(acme, grace, now=an_hour_ago())
    again = f"{invitations(acme)}/{made.id}/resend"

    sent = [Api(grace.id).post(again).status_code for _ in range(4)]

    assert sent == [200] * 4
    assert_problem(Api(grace.id).post(again), 409, "resend_limit_reached")


def test_one_that_is_too_old_comes_back_if_there_is_room(
    grace: User, acme: Organization, settings: Settings
) -> None:
    settings.INVITATIONS_MOST_OPEN = 1
    old = invited(acme, grace, now=timezone.now() - timedelta(days=8))
    other = invited(acme, grace, "b@example.com")
    again = f"{invitations(acme)}/{old.id}/resend"

    assert_problem(Api(grace.id).post(again), 409, "invitation_limit_reached")
    Api(grace.id).post(f"{invitations(acme)}/{other.id}/revoke")
    assert body_of(Api(grace.id).post(again))["status"] == "pending"


def test_an_invitation_is_taken_back_once(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    made = invited(acme, grace)
    path = f"{invitations(acme)}/{made.id}"

    response = Api(grace.id).post(f"{path}/revoke")

    assert (response.status_code, body_of(response)["status"]) == (200, "revoked")
    assert emitted()[-1] == InvitationRevoked(
        org_id=acme.id, invitation_id=made.id, reason="revoked"
    )
    assert recorded()[-1] == (
        "invitation.revoked",
        grace.id,
        made.id,
        acme.id,
        {"reason": "revoked"},
    )
    for deed in ("revoke", "resend"):
        again = Api(grace.id).post(f"{path}/{deed}")
        assert_problem(again, 409, "invitation_closed")


@pytest.mark.parametrize("deed", ["resend", "revoke"])
def test_an_invitation_of_another_organization_is_not_found(
    grace: User, mallory: User, acme: Organization, deed: str
) -> None:
    globex = Organization.objects.create(name="Globex", created_by=mallory.id)
    Membership.objects.create(organization=globex, user=mallory, role="owner")
    theirs = invited(globex, mallory, "b@example.com", now=an_hour_ago())

    for invitation_id in (theirs.id, uuid4()):
        response = Api(grace.id).post(f"{invitations(acme)}/{invitation_id}/{deed}")
        assert_problem(response, 404, "not_found")


def test_a_suspended_organization_invites_nobody(
    grace: User, acme: Organization, operator: User
) -> None:
    made = invited(acme, grace, now=an_hour_ago())
    suspend_organization(
        organization_id=acme.id,
        reason="unpaid",
        actor_id=operator.id,
        now=timezone.now(),
    )

    for path in ("", f"/{made.id}/resend", f"/{made.id}/revoke"):
        response = Api(grace.id).post(f"{invitations(acme)}{path}", path or NEW)
        assert_problem(response, 403, "organization_suspended")


def test_invitations_are_listed_by_what_became_of_them(
    grace: User, acme: Organization
) -> None:
    long_ago = timezone.now() - timedelta(days=8)
    made: dict[str, UUID] = {
        name: invited(acme, grace, f"{name}@example.com", now=now).id
        for name, now in (
            ("expired", long_ago),
            ("accepted", None),
            ("revoked", None),
            ("pending", None),
        )
    }
    Invitation.objects.filter(id=made["accepted"]).update(accepted_at=timezone.now())
    Invitation.objects.filter(id=made["revoked"]).update(revoked_at=timezone.now())

    everything = body_of(Api(grace.id).get(invitations(acme)))["data"]
    found = {
        status: [
            row["id"]
            for row in body_of(
                Api(grace.id).get(f"{invitations(acme)}?status={status}")
            )["data"]
        ]
        for status in made
    }

    assert {row["status"]: row["id"] for row in everything} == {
        status: str(each) for status, each in made.items()
    }
    assert [row["status"] for row in everything][-1] == "expired"
    assert found == {status: [str(each)] for status, each in made.items()}


def test_invitations_can_be_made_once_with_a_key(
    grace: User, acme: Organization
) -> None:
    first = Api(grace.id).post(invitations(acme), NEW, key="one")
    second = Api(grace.id).post(invitations(acme), NEW, key="one")

    assert body_of(first) == body_of(second)
    assert second["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/email"),
        ({"email": "no address"}, "/email"),
        ({**NEW, "role": "emperor"}, "/role"),
        ({**NEW, "token": "x"}, "/token"),
    ],
)
def test_refuses_a_malformed_invitation(
    grace: User, acme: Organization, body: object, pointer: str
) -> None:
    assert_problem(
        Api(grace.id).post(invitations(acme), body), 400, "validation_error", pointer
    )


def test_who_was_a_member_is_invited_again(
    grace: User, ada: User, acme: Organization
) -> None:
    Membership.objects.filter(user=ada).delete()
    find_or_create_user(email="ada@example.com", actor_id=None)

    response = Api(grace.id).post(invitations(acme), {"email": ada.email})

    assert response.status_code == 201


def test_whom_somebody_asked_long_ago_is_forgotten(
    grace: User, acme: Organization
) -> None:
    invited(acme, grace, "a@example.com", now=timezone.now() - timedelta(days=38))
    kept = invited(acme, grace, "b@example.com", now=timezone.now() - timedelta(36))

    delete_stale_invitations()

    assert Invitation.objects.get() == kept

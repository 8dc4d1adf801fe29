"""The ownership passes on in two steps: one offers it, the other accepts."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.models import Membership, Organization, OwnershipTransfer, User
from accounts.services import (
    add_member,
    delete_organization,
    offer_ownership,
    remove_member,
    suspend_organization,
)
from opencore.events.org.v1 import (
    MemberRoleChanged,
    OwnershipOfferCancelled,
    OwnershipOffered,
    OwnershipTransferred,
)
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.memberships import ORGS, give, role_of
from tests.accounts.proved import Fresh, Proved
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db


def transfer(organization: Organization) -> str:
    return f"{ORGS}/{organization.id}/ownership-transfer"


def offer(organization: Organization, by: User, to: User) -> HttpResponseBase:
    return Proved(by.id).post(transfer(organization), {"user_id": str(to.id)})


def accept(organization: Organization, by: User) -> HttpResponseBase:
    return Proved(by.id).post(f"{transfer(organization)}/accept")


def cancel(organization: Organization, by: User) -> HttpResponseBase:
    return Api(by.id).post(f"{transfer(organization)}/cancel")


def roles(organization: Organization, *people: User) -> Sequence[str]:
    return [role_of(organization, person) for person in people]


def test_an_owner_offers_the_ownership_and_nothing_changes_yet(
    grace: User, ada: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    response = offer(acme, grace, ada)

    made = OwnershipTransfer.objects.get()
    assert response.status_code == 201
    assert body_of(response) == body_of(Api(ada.id).get(transfer(acme)))["transfer"]
    assert body_of(response)["to_user_id"] == str(ada.id)
    assert (made.from_user_id, made.to_user_id) == (grace.id, ada.id)
    assert made.expires_at - made.created_at == timedelta(days=7)
    assert roles(acme, grace, ada) == ["owner", "member"]
    assert emitted() == [
        OwnershipOffered(
            org_id=acme.id,
            org_name="Acme",
            transfer_id=made.id,
            from_user_id=grace.id,
            to_user_id=ada.id,
            expires_at=made.expires_at,
        )
    ]
    said = {"offered_by": str(grace.id)}
    assert recorded() == [("ownership.offered", grace.id, ada.id, acme.id, said)]


def test_who_accepts_owns_it_and_who_offered_is_an_admin(
    grace: User, ada: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    offer(acme, grace, ada)
    made = OwnershipTransfer.objects.get()
    before = len(emitted()), len(recorded())

    response = accept(acme, ada)

    assert (response.status_code, body_of(response)["role"]) == (200, "owner")
    assert roles(acme, grace, ada) == ["admin", "owner"]
    gave = MemberRoleChanged(
        org_id=acme.id,
        user_id=grace.id,
        role="admin",
        previous_role="owner",
        by=ada.id,
    )
    took = MemberRoleChanged(
        org_id=acme.id,
        user_id=ada.id,
        role="owner",
        previous_role="member",
        by=ada.id,
    )
    assert emitted()[before[0] :] == [
        took,
        gave,
        OwnershipTransferred(
            org_id=acme.id,
            org_name="Acme",
            transfer_id=made.id,
            from_user_id=grace.id,
            to_user_id=ada.id,
        ),
    ]
    assert [entry[:3] for entry in recorded()[before[1] :]] == [
        ("member.role_changed", ada.id, ada.id),
        ("member.role_changed", ada.id, grace.id),
        ("ownership.transferred", ada.id, ada.id),
    ]
    assert body_of(Api(ada.id).get(transfer(acme))) == {"transfer": None}
    assert_problem(accept(acme, ada), 409, "transfer_closed")


@pytest.mark.parametrize("deed", ["offer", "accept"])
def test_both_steps_ask_for_a_fresh_proof(
    grace: User, ada: User, acme: Organization, deed: str
) -> None:
    stale = Fresh(authenticated_at=timezone.now() - timedelta(minutes=11))
    if deed == "offer":
        response = Proved(grace.id, proof=stale).post(
            transfer(acme), {"user_id": str(ada.id)}
        )
    else:
        offer(acme, grace, ada)
        response = Proved(ada.id, proof=stale).post(f"{transfer(acme)}/accept")

    assert_problem(response, 403, "step_up_required")
    assert roles(acme, grace, ada) == ["owner", "member"]


def test_staff_who_act_as_a_person_neither_give_nor_take_nor_end_it(
    grace: User, ada: User, acme: Organization
) -> None:
    as_them = Fresh(impersonator_id=uuid4())
    body = {"user_id": str(ada.id)}
    given = Proved(grace.id, proof=as_them).post(transfer(acme), body)
    offer(acme, grace, ada)
    taken = Proved(ada.id, proof=as_them).post(f"{transfer(acme)}/accept")
    ended = Proved(ada.id, proof=as_them).post(f"{transfer(acme)}/cancel")

    for response in (given, taken, ended):
        assert_problem(response, 403, "forbidden")
    assert OwnershipTransfer.objects.get().cancelled_at is None


@pytest.mark.parametrize("role", ["admin", "billing", "developer", "member", "viewer"])
def test_who_owns_nothing_offers_nothing(
    grace: User, ada: User, acme: Organization, role: str
) -> None:
    give(acme, ada, role)

    assert_problem(offer(acme, ada, grace), 403, "forbidden")
    assert OwnershipTransfer.objects.count() == 0


@pytest.mark.parametrize(
    ("heir", "code"),
    [
        ("outsider", "unknown_member"),
        ("suspended", "unknown_member"),
        ("owner", "is_owner"),
        ("oneself", "is_owner"),
    ],
)
def test_only_an_active_member_who_is_no_owner_is_offered_it(
    grace: User, ada: User, mallory: User, acme: Organization, heir: str, code: str
) -> None:
    whom = {"outsider": mallory, "oneself": grace}.get(heir, ada)
    members = Membership.objects.filter(organization=acme, user=ada)
    if heir == "suspended":
        members.update(status="suspended")
    if heir == "owner":
        members.update(role="owner")

    response = offer(acme, grace, whom)

    assert_problem(response, 400, "validation_error", "/user_id")
    assert body_of(response)["errors"][0]["code"] == code


def test_one_offer_is_open_at_a_time(
    grace: User, ada: User, mallory: User, acme: Organization
) -> None:
    join(acme, mallory, "owner")
    offer(acme, grace, ada)

    assert_problem(offer(acme, mallory, ada), 409, "transfer_pending")
    assert_problem(offer(acme, grace, ada), 409, "transfer_pending")


def join(organization: Organization, person: User, role: str) -> None:
    add_member(
        organization_id=organization.id,
        user_id=person.id,
        role=Membership.Role(role),
        actor_id=None,
    )


def test_only_who_was_offered_it_accepts(
    grace: User, ada: User, mallory: User, acme: Organization
) -> None:
    join(acme, mallory, "admin")
    offer(acme, grace, ada)

    for other in (grace, mallory):
        assert_problem(accept(acme, other), 403, "forbidden")
    assert roles(acme, grace, ada, mallory) == ["owner", "member", "admin"]


@pytest.mark.parametrize("who", ["giver", "heir", "another owner"])
def test_either_side_and_every_owner_end_an_offer(
    grace: User,
    ada: User,
    mallory: User,
    acme: Organization,
    emitted: Emitted,
    recorded: Recorded,
    who: str,
) -> None:
    join(acme, mallory, "owner")
    offer(acme, grace, ada)
    by = {"giver": grace, "heir": ada, "another owner": mallory}[who]

    response = cancel(acme, by)

    made = OwnershipTransfer.objects.get()
    assert response.status_code == 204
    assert made.cancelled_at is not None
    assert emitted()[-1] == OwnershipOfferCancelled(
        org_id=acme.id,
        org_name="Acme",
        transfer_id=made.id,
        from_user_id=grace.id,
        to_user_id=ada.id,
        by=by.id,
    )
    assert recorded()[-1][:3] == ("ownership.offer_cancelled", by.id, ada.id)
    assert_problem(accept(acme, ada), 409, "transfer_closed")
    assert_problem(cancel(acme, by), 409, "transfer_closed")
    assert offer(acme, grace, ada).status_code == 201


def test_nobody_else_ends_an_offer(
    grace: User, ada: User, mallory: User, acme: Organization
) -> None:
    join(acme, mallory, "admin")
    offer(acme, grace, ada)

    assert_problem(cancel(acme, mallory), 403, "forbidden")
    assert OwnershipTransfer.objects.get().cancelled_at is None


def test_an_offer_that_is_too_old_is_void_and_makes_way(
    grace: User, ada: User, acme: Organization
) -> None:
    offer_ownership(
        organization_id=acme.id,
        to_user_id=ada.id,
        actor_id=grace.id,
        now=timezone.now() - timedelta(days=8),
    )

    assert body_of(Api(ada.id).get(transfer(acme))) == {"transfer": None}
    assert_problem(accept(acme, ada), 409, "transfer_closed")
    assert_problem(cancel(acme, grace), 409, "transfer_closed")
    assert offer(acme, grace, ada).status_code == 201


def test_an_offer_of_who_owns_it_no_more_is_void(
    grace: User, ada: User, mallory: User, acme: Organization
) -> None:
    join(acme, mallory, "owner")
    offer(acme, grace, ada)
    give(acme, grace, "admin")

    assert_problem(accept(acme, ada), 409, "transfer_closed")
    assert roles(acme, grace, ada) == ["admin", "member"]
    assert offer(acme, mallory, ada).status_code == 201


def test_an_offer_to_who_left_makes_way(
    grace: User, ada: User, mallory: User, acme: Organization
) -> None:
    join(acme, mallory, "member")
    offer(acme, grace, ada)
    remove_member(organization_id=acme.id, user_id=ada.id, actor_id=ada.id)

    assert_problem(accept(acme, ada), 404, "not_found")
    assert offer(acme, grace, mallory).status_code == 201


def test_who_became_an_owner_meanwhile_stays_one(
    grace: User, ada: User, acme: Organization
) -> None:
    offer(acme, grace, ada)
    give(acme, ada, "owner")

    assert accept(acme, ada).status_code == 200
    assert roles(acme, grace, ada) == ["admin", "owner"]


def test_a_suspended_organization_does_not_pass_on(
    grace: User, ada: User, acme: Organization, operator: User
) -> None:
    offer(acme, grace, ada)
    suspend_organization(
        organization_id=acme.id,
        reason="unpaid",
        actor_id=operator.id,
        now=timezone.now(),
    )

    assert_problem(accept(acme, ada), 403, "organization_suspended")
    assert_problem(offer(acme, grace, ada), 403, "organization_suspended")
    assert roles(acme, grace, ada) == ["owner", "member"]


def test_an_offer_ends_with_the_organization(
    grace: User, ada: User, acme: Organization
) -> None:
    offer(acme, grace, ada)

    delete_organization(organization_id=acme.id, actor_id=grace.id, now=timezone.now())

    assert_problem(accept(acme, ada), 404, "not_found")
    assert OwnershipTransfer.objects.get().cancelled_at is not None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/user_id"),
        ({"user_id": "ada"}, "/user_id"),
        ({"user_id": str(UUID(int=0)), "role": "owner"}, "/role"),
    ],
)
def test_refuses_a_malformed_offer(
    grace: User, acme: Organization, body: object, pointer: str
) -> None:
    response = Proved(grace.id).post(transfer(acme), body)

    assert_problem(response, 400, "validation_error", pointer)

"""Members over HTTP: who sees, adds and removes them."""

from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import Membership, Organization, User
from accounts.services import add_member, deactivate_user, remove_member
from opencore.errors import NotFound
from opencore.events.org.v1 import MemberAdded, MemberRemoved
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.memberships import ORGS, give, member, members, role_of
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db


def test_lists_the_members_to_a_member(
    ada: User, grace: User, acme: Organization
) -> None:
    answer = body_of(Api(ada.id).get(members(acme)))

    joined = Membership.objects.get(user=grace).created_at
    assert [row["user_id"] for row in answer["data"]] == [str(ada.id), str(grace.id)]
    assert answer["data"][1] == {
        "user_id": str(grace.id),
        "email": "grace@example.com",
        "name": "",
        "role": "owner",
        "status": "active",
        "created_at": joined.isoformat().replace("+00:00", "Z"),
    }
    assert (answer["next_cursor"], answer["has_more"]) == (None, False)


def test_an_outsider_adds_nobody(
    mallory: User, acme: Organization, emitted: Emitted
) -> None:
    response = Api(mallory.id).post(members(acme), {"user_id": str(mallory.id)})

    assert_problem(response, 404, "not_found")
    assert (Membership.objects.count(), emitted()) == (2, [])


def test_an_outsider_removes_nobody(
    ada: User, mallory: User, acme: Organization, emitted: Emitted
) -> None:
    assert_problem(Api(mallory.id).delete(member(acme, ada)), 404, "not_found")

    assert (Membership.objects.count(), emitted()) == (2, [])


def test_a_member_adds_nobody(
    ada: User, mallory: User, acme: Organization, emitted: Emitted
) -> None:
    response = Api(ada.id).post(members(acme), {"user_id": str(mallory.id)})

    assert_problem(response, 403, "forbidden")
    assert (Membership.objects.count(), emitted()) == (2, [])


def test_a_member_removes_nobody_else(
    ada: User, grace: User, acme: Organization, emitted: Emitted
) -> None:
    assert_problem(Api(ada.id).delete(member(acme, grace)), 403, "forbidden")

    assert (Membership.objects.count(), emitted()) == (2, [])


def test_a_member_does_not_see_what_was_done(ada: User, acme: Organization) -> None:
    response = Api(ada.id).get(f"{ORGS}/{acme.id}/audit-events")

    assert_problem(response, 403, "forbidden")


@pytest.mark.parametrize("named_by", ["user_id", "email"])
def test_an_owner_adds_a_member(
    grace: User,
    mallory: User,
    acme: Organization,
    emitted: Emitted,
    recorded: Recorded,
    named_by: str,
) -> None:
    names = {"user_id": str(mallory.id), "email": "Mallory@Example.com"}

    response = Api(grace.id).post(members(acme), {named_by: names[named_by]})

    added = Membership.objects.get(user=mallory)
    assert response.status_code == 201
    assert body_of(response) == {
        "user_id": str(mallory.id),
        "email": "mallory@example.com",
        "name": "",
        "role": "member",
        "status": "active",
        "created_at": added.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert emitted() == [MemberAdded(org_id=acme.id, user_id=mallory.id, role="member")]
    assert recorded() == [
        ("member.added", grace.id, mallory.id, acme.id, {"role": "member"})
    ]


@pytest.mark.parametrize(
    ("own", "granted", "status"),
    [
        ("owner", "owner", 201),
        ("owner", "admin", 201),
        ("admin", "owner", 403),
        ("admin", "admin", 201),
        ("admin", "member", 201),
        ("member", "member", 403),
    ],
)
def test_nobody_grants_more_than_they_may(
    ada: User, mallory: User, acme: Organization, own: str, granted: str, status: int
) -> None:
    give(acme, ada, own)

    response = Api(ada.id).post(
        members(acme), {"user_id": str(mallory.id), "role": granted}
    )

    assert response.status_code == status
    found = Membership.objects.filter(user=mallory).values_list("role", flat=True)
    assert list(found) == {201: [granted], 403: []}[status]


def test_refuses_to_add_a_member_twice(
    ada: User, grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    body = {"user_id": str(ada.id), "role": "admin"}

    assert_problem(Api(grace.id).post(members(acme), body), 409, "already_member")

    assert role_of(acme, ada) == "member"
    assert (emitted(), recorded()) == ([], [])


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"user_id": str(uuid4())}, "/user_id"),
        ({"email": "nobody@example.com"}, "/email"),
        ({"user_id": str(uuid4()), "email": "nobody@example.com"}, ""),
        ({"email": "nobody@example.com", "role": "emperor"}, "/role"),
        ({"email": "nobody@example.com", "name": "Nobody"}, "/name"),
        ({"user_id": "ada"}, "/user_id"),
    ],
    ids=[
        "nobody",
        "unknown id",
        "unknown address",
        "both",
        "unknown role",
        "unknown field",
        "no id",
    ],
)
def test_refuses_a_malformed_member(
    grace: User, acme: Organization, emitted: Emitted, body: object, pointer: str
) -> None:
    response = Api(grace.id).post(members(acme), body)

    assert_problem(response, 400, "validation_error", pointer)
    assert (Membership.objects.count(), emitted()) == (2, [])


def test_refuses_to_add_somebody_who_was_deactivated(
    grace: User, mallory: User, acme: Organization
) -> None:
    deactivate_user(user_id=mallory.id, actor_id=None, now=timezone.now())

    response = Api(grace.id).post(members(acme), {"user_id": str(mallory.id)})

    assert_problem(response, 400, "validation_error", "/user_id")


def test_an_owner_removes_a_member(
    ada: User, grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    response = Api(grace.id).delete(member(acme, ada))

    assert (response.status_code, response.getvalue()) == (204, b"")
    assert Membership.objects.get().user == grace
    assert emitted() == [MemberRemoved(org_id=acme.id, user_id=ada.id)]
    assert recorded() == [("member.removed", grace.id, ada.id, acme.id, {})]


def test_a_member_leaves(ada: User, acme: Organization, recorded: Recorded) -> None:
    assert Api(ada.id).delete(member(acme, ada)).status_code == 204

    assert recorded() == [("member.removed", ada.id, ada.id, acme.id, {})]
    assert_problem(Api(ada.id).get(f"{ORGS}/{acme.id}"), 404, "not_found")


def test_an_admin_removes_no_owner(ada: User, grace: User, acme: Organization) -> None:
    give(acme, ada, "admin")

    assert_problem(Api(ada.id).delete(member(acme, grace)), 403, "forbidden")

    assert role_of(acme, grace) == "owner"


def test_an_admin_removes_another_admin(
    ada: User, mallory: User, acme: Organization
) -> None:
    give(acme, ada, "admin")
    join(acme, mallory, "admin")

    assert Api(ada.id).delete(member(acme, mallory)).status_code == 204

    assert Membership.objects.filter(user=mallory).count() == 0


def join(organization: Organization, user: User, role: str) -> None:
    """Make somebody a member, by nobody in particular."""
    add_member(
        organization_id=organization.id,
        user_id=user.id,
        role=Membership.Role(role),
        actor_id=None,
    )


def test_removing_somebody_who_is_no_member_finds_nothing(
    grace: User, mallory: User, acme: Organization, emitted: Emitted
) -> None:
    assert_problem(Api(grace.id).delete(member(acme, mallory)), 404, "not_found")

    assert emitted() == []


def test_the_service_finds_no_member_to_remove(
    mallory: User, acme: Organization, recorded: Recorded
) -> None:
    with pytest.raises(NotFound):
        remove_member(organization_id=acme.id, user_id=mallory.id, actor_id=None)

    assert recorded() == []

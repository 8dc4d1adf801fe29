"""Organizations over HTTP: who sees them, who changes them, and that one owns them."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.errors import LastOwner
from accounts.models import Membership, Organization, User
from accounts.services import (
    add_member,
    create_organization,
    deactivate_user,
    remove_member,
)
from opencore.errors import NotFound
from opencore.events.org.v1 import MemberAdded, MemberRemoved, OrgCreated
from tests.accounts.conftest import Emitted, Recorded
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db

ORGS = "/v1/orgs"


def shown(organization: Organization, role: str) -> dict[str, str]:
    """Return how an organization is shown to a member in a role."""
    return {
        "id": str(organization.id),
        "name": organization.name,
        "created_at": organization.created_at.isoformat().replace("+00:00", "Z"),
        "role": role,
    }


def members(organization: Organization) -> str:
    """Return where the members of an organization are."""
    return f"{ORGS}/{organization.id}/members"


def member(organization: Organization, user: User) -> str:
    """Return where a member of an organization is."""
    return f"{members(organization)}/{user.id}"


def give(organization: Organization, user: User, role: str) -> None:
    """Give a member another role."""
    Membership.objects.filter(organization=organization, user=user).update(role=role)


def role_of(organization: Organization, user: User) -> str:
    """Return the role that somebody has."""
    return Membership.objects.get(organization=organization, user=user).role


def test_opens_an_organization_that_the_caller_owns(
    ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    response = Api(ada.id).post(ORGS, {"name": "Acme"})

    organization = Organization.objects.get()
    assert response.status_code == 201
    assert body_of(response) == shown(organization, "owner")
    assert (organization.name, organization.created_by) == ("Acme", ada.id)
    assert role_of(organization, ada) == "owner"
    assert emitted() == [
        OrgCreated(org_id=organization.id, name="Acme", created_by=ada.id),
        MemberAdded(org_id=organization.id, user_id=ada.id, role="owner"),
    ]
    assert recorded() == [
        ("organization.created", ada.id, organization.id, organization.id, {}),
        ("member.added", ada.id, ada.id, organization.id, {"role": "owner"}),
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "   "}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"name": 7}, "/name"),
        ({"name": "Ac\x00me"}, "/name"),
        ({"name": "Acme", "role": "owner"}, "/role"),
    ],
    ids=["missing", "empty", "spaces", "too long", "number", "null byte", "unknown"],
)
def test_refuses_a_malformed_organization(
    ada: User, emitted: Emitted, body: object, pointer: str
) -> None:
    assert_problem(Api(ada.id).post(ORGS, body), 400, "validation_error", pointer)

    assert (Organization.objects.count(), emitted()) == (0, [])


def test_somebody_who_is_no_user_opens_no_organization() -> None:
    assert_problem(Api(uuid4()).post(ORGS, {"name": "Acme"}), 401, "token_invalid")

    assert Organization.objects.count() == 0


def test_lists_the_callers_organizations_alone_newest_first(
    ada: User, mallory: User, acme: Organization
) -> None:
    create_organization(name="Malicious", actor_id=mallory.id)
    own = create_organization(name="Own", actor_id=ada.id)
    # In one transaction both were created at the same time.
    Organization.objects.filter(id=own.id).update(created_at=timezone.now())
    own.refresh_from_db()
    acme.refresh_from_db()

    response = Api(ada.id).get(ORGS)

    assert response.status_code == 200
    assert body_of(response) == {
        "data": [shown(own, "owner"), shown(acme, "member")],
        "next_cursor": None,
        "has_more": False,
    }


def test_lists_organizations_page_by_page(ada: User, acme: Organization) -> None:
    create_organization(name="Own", actor_id=ada.id)

    first = body_of(Api(ada.id).get(f"{ORGS}?limit=1"))
    second = body_of(Api(ada.id).get(f"{ORGS}?limit=1&cursor={first['next_cursor']}"))

    assert [row["name"] for row in first["data"]] == ["Own"]
    assert first["has_more"] is True
    assert [row["name"] for row in second["data"]] == ["Acme"]
    assert (second["next_cursor"], second["has_more"]) == (None, False)


def test_shows_an_organization_to_a_member(ada: User, acme: Organization) -> None:
    acme.refresh_from_db()

    response = Api(ada.id).get(f"{ORGS}/{acme.id}")

    assert response.status_code == 200
    assert body_of(response) == shown(acme, "member")


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
        "created_at": joined.isoformat().replace("+00:00", "Z"),
    }
    assert (answer["next_cursor"], answer["has_more"]) == (None, False)


@pytest.mark.parametrize("path", ["", "/members", "/audit-events"])
def test_an_outsider_finds_nothing(
    mallory: User, acme: Organization, path: str
) -> None:
    assert_problem(Api(mallory.id).get(f"{ORGS}/{acme.id}{path}"), 404, "not_found")


def test_an_outsider_sees_of_an_organization_what_is_seen_of_none(
    mallory: User, acme: Organization
) -> None:
    existing = body_of(Api(mallory.id).get(f"{ORGS}/{acme.id}"))
    absent = body_of(Api(mallory.id).get(f"{ORGS}/{uuid4()}"))

    assert without_names(existing) == without_names(absent)


def without_names(problem: dict[str, Any]) -> dict[str, Any]:
    """Return a problem without what differs from request to request."""
    return {
        name: value
        for name, value in problem.items()
        if name not in {"instance", "request_id"}
    }


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


def test_the_last_owner_can_not_leave(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    assert_problem(Api(grace.id).delete(member(acme, grace)), 409, "last_owner")

    assert role_of(acme, grace) == "owner"
    assert (emitted(), recorded()) == ([], [])


def test_an_owner_leaves_when_there_is_another(
    ada: User, grace: User, acme: Organization
) -> None:
    give(acme, ada, "owner")

    assert Api(grace.id).delete(member(acme, grace)).status_code == 204

    assert Membership.objects.get().user == ada


def test_the_service_refuses_to_remove_the_last_owner_whoever_asks(
    grace: User, acme: Organization
) -> None:
    with pytest.raises(LastOwner):
        remove_member(organization_id=acme.id, user_id=grace.id, actor_id=None)

    assert role_of(acme, grace) == "owner"


def test_the_service_finds_no_member_to_remove(
    mallory: User, acme: Organization, recorded: Recorded
) -> None:
    with pytest.raises(NotFound):
        remove_member(organization_id=acme.id, user_id=mallory.id, actor_id=None)

    assert recorded() == []


@pytest.mark.parametrize(
    "statement",
    [
        "delete from accounts_membership where user_id = %s",
        "update accounts_membership set role = 'member' where user_id = %s",
    ],
    ids=["deleted", "demoted"],
)
def test_the_database_keeps_the_last_owner(
    grace: User, acme: Organization, statement: str
) -> None:
    with pytest.raises(IntegrityError, match=f"{acme.id} has no owner"):
        execute_now(statement, grace.id)

    assert role_of(acme, grace) == "owner"


def execute_now(statement: str, *params: UUID) -> None:
    """Execute a statement and let the database look at it as at the commit."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)
        cursor.execute("set constraints all immediate")


@pytest.mark.django_db(transaction=True)
def test_the_database_looks_for_an_owner_at_the_commit(
    ada: User, grace: User, acme: Organization
) -> None:
    with transaction.atomic():
        give(acme, grace, "member")
        give(acme, ada, "owner")

    with pytest.raises(IntegrityError, match="has no owner"), transaction.atomic():
        give(acme, ada, "member")

    assert (role_of(acme, ada), role_of(acme, grace)) == ("owner", "member")


def test_an_organization_goes_with_its_members_and_needs_no_owner_then(
    acme: Organization,
) -> None:
    acme.delete()
    execute_now("select 1")

    assert Membership.objects.count() == 0


@pytest.mark.parametrize(
    ("role", "rule"),
    [
        ("emperor", "accounts_member_role_is_known"),
        ("member", "accounts_member_only_once"),
    ],
)
def test_the_database_refuses_a_membership(
    ada: User, acme: Organization, role: str, rule: str
) -> None:
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        Membership.objects.create(organization=acme, user=ada, role=role)

    assert Membership.objects.count() == 2


def test_the_database_refuses_an_organization_without_a_name() -> None:
    with (
        pytest.raises(IntegrityError, match="accounts_organization_has_a_name"),
        transaction.atomic(),
    ):
        Organization.objects.create(name="", created_by=UUID(int=0))


@pytest.mark.parametrize(
    "path", ["/v1/users/me", ORGS, f"{ORGS}/{uuid4()}", f"{ORGS}/{uuid4()}/members"]
)
def test_nobody_gets_in_without_a_token(path: str) -> None:
    assert_problem(Client().get(path), 401, "unauthenticated")

"""Members over HTTP: their roles change, they are suspended, resumed, and leave."""

from typing import Any
from uuid import uuid4

import pytest

from accounts.models import Membership, Organization, User
from accounts.services import (
    add_member,
    change_role_of_member,
    find_or_create_user,
    suspend_member,
)
from opencore.errors import Forbidden
from opencore.events.org.v1 import (
    MemberRemoved,
    MemberResumed,
    MemberRoleChanged,
    MemberSuspended,
)
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.memberships import ORGS, give, member, members, role_of
from tests.accounts.proved import Fresh, Proved
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db


def set_up(acme: Organization, **settings: dict[str, Any]) -> None:
    """Change settings of an organization."""
    Organization.objects.filter(id=acme.id).update(settings=settings)


def status_of(organization: Organization, user: User) -> str:
    """Return whether somebody may act as a member."""
    return Membership.objects.get(organization=organization, user=user).status


@pytest.fixture
def linus(acme: Organization) -> User:
    """Another member of acme."""
    linus = find_or_create_user(email="linus@example.com", actor_id=None)
    add_member(
        organization_id=acme.id,
        user_id=linus.id,
        role=Membership.Role.MEMBER,
        actor_id=None,
    )
    return linus


def test_an_owner_gives_a_member_another_role(
    ada: User, grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    response = Api(grace.id).patch(member(acme, ada), {"role": "developer"})

    assert response.status_code == 200
    assert body_of(response)["role"] == "developer"
    assert emitted() == [
        MemberRoleChanged(
            org_id=acme.id,
            user_id=ada.id,
            role="developer",
            previous_role="member",
            by=grace.id,
        )
    ]
    change = {"role": "developer", "previous_role": "member"}
    assert recorded() == [("member.role_changed", grace.id, ada.id, acme.id, change)]


def test_the_role_that_somebody_has_is_given_without_a_word(
    ada: User, grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    response = Api(grace.id).patch(member(acme, ada), {"role": "member"})

    assert response.status_code == 200
    assert (emitted(), recorded()) == ([], [])


@pytest.mark.parametrize(
    ("own", "previous", "role", "status"),
    [
        ("owner", "owner", "viewer", 200),
        ("owner", "member", "owner", 200),
        ("admin", "member", "admin", 200),
        ("admin", "member", "billing", 200),
        ("admin", "admin", "member", 200),
        ("admin", "member", "owner", 403),
        ("admin", "owner", "member", 403),
        ("developer", "viewer", "member", 403),
        ("billing", "viewer", "member", 403),
        ("member", "viewer", "member", 403),
    ],
)
def test_nobody_gives_or_takes_more_than_they_have(
    ada: User,
    linus: User,
    acme: Organization,
    own: str,
    previous: str,
    role: str,
    status: int,
) -> None:
    give(acme, ada, own)
    give(acme, linus, previous)

    response = Api(ada.id).patch(member(acme, linus), {"role": role})

    assert response.status_code == status
    assert role_of(acme, linus) == {200: role, 403: previous}[status]


@pytest.mark.parametrize(
    ("own", "role", "status"),
    [
        ("admin", "developer", 200),
        ("admin", "owner", 403),
        ("developer", "member", 200),
        ("developer", "viewer", 403),
        ("billing", "viewer", 200),
        ("viewer", "member", 200),
        ("member", "viewer", 403),
        ("member", "admin", 403),
    ],
)
def test_people_lower_their_own_role_alone(
    ada: User, acme: Organization, own: str, role: str, status: int
) -> None:
    give(acme, ada, own)

    response = Api(ada.id).patch(member(acme, ada), {"role": role})

    assert response.status_code == status
    assert role_of(acme, ada) == {200: role, 403: own}[status]


def test_the_last_owner_can_not_be_lowered(
    grace: User, acme: Organization, emitted: Emitted
) -> None:
    response = Api(grace.id).patch(member(acme, grace), {"role": "admin"})

    assert_problem(response, 409, "last_owner")
    assert (role_of(acme, grace), emitted()) == ("owner", [])


def test_an_owner_who_is_suspended_does_not_count(
    ada: User, grace: User, acme: Organization
) -> None:
    give(acme, ada, "owner")
    suspend_member(
        organization_id=acme.id, user_id=ada.id, own_role=None, actor_id=None
    )

    assert_problem(Api(grace.id).post(f"{ORGS}/{acme.id}/leave"), 409, "last_owner")

    assert role_of(acme, grace) == "owner"


def test_an_owner_who_may_not_sign_in_counts(
    ada: User, grace: User, acme: Organization
) -> None:
    """Whether somebody's account is active is not the organization's matter."""
    give(acme, ada, "owner")
    User.objects.filter(id=ada.id).update(is_active=False)

    assert Api(grace.id).post(f"{ORGS}/{acme.id}/leave").status_code == 204

    assert role_of(acme, ada) == "owner"


def test_a_suspended_member_may_do_nothing_until_they_are_resumed(
    ada: User, grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    suspended = Api(grace.id).patch(member(acme, ada), {"status": "suspended"})

    assert body_of(suspended)["status"] == "suspended"
    assert_problem(Api(ada.id).get(members(acme)), 403, "membership_suspended")
    assert body_of(Api(ada.id).get(ORGS))["data"] == []

    resumed = Api(grace.id).patch(member(acme, ada), {"status": "active"})

    assert body_of(resumed)["status"] == "active"
    assert Api(ada.id).get(members(acme)).status_code == 200
    assert emitted() == [
        MemberSuspended(org_id=acme.id, user_id=ada.id, by=grace.id),
        MemberResumed(org_id=acme.id, user_id=ada.id, role="member", by=grace.id),
    ]
    assert [entry[0] for entry in recorded()] == ["member.suspended", "member.resumed"]


@pytest.mark.parametrize(
    ("own", "theirs", "status"),
    [("admin", "admin", 200), ("admin", "owner", 403), ("developer", "viewer", 403)],
)
def test_nobody_suspends_who_is_above_them(
    ada: User, linus: User, acme: Organization, own: str, theirs: str, status: int
) -> None:
    give(acme, ada, own)
    give(acme, linus, theirs)

    response = Api(ada.id).patch(member(acme, linus), {"status": "suspended"})

    assert response.status_code == status
    assert status_of(acme, linus) == {200: "suspended", 403: "active"}[status]


def test_nobody_suspends_themselves(ada: User, acme: Organization) -> None:
    give(acme, ada, "admin")

    response = Api(ada.id).patch(member(acme, ada), {"status": "suspended"})

    assert_problem(response, 403, "forbidden")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"role": "admin", "status": "active"}, ""),
        ({"role": "emperor"}, "/role"),
        ({"status": "deleted"}, "/status"),
        ({"email": "ada@example.org"}, "/email"),
    ],
    ids=["nothing", "both", "unknown role", "unknown status", "unknown field"],
)
def test_refuses_a_malformed_change(
    ada: User, grace: User, acme: Organization, body: object, pointer: str
) -> None:
    response = Api(grace.id).patch(member(acme, ada), body)

    assert_problem(response, 400, "validation_error", pointer)


def test_who_is_no_member_can_not_be_changed(
    grace: User, mallory: User, acme: Organization
) -> None:
    response = Api(grace.id).patch(member(acme, mallory), {"role": "viewer"})

    assert_problem(response, 404, "not_found")


def test_staff_who_act_as_a_member_do_not_leave_for_them(
    ada: User, acme: Organization, emitted: Emitted
) -> None:
    staff = Proved(ada.id, proof=Fresh(impersonator_id=uuid4()))

    assert_problem(staff.post(f"{ORGS}/{acme.id}/leave"), 403, "forbidden")

    assert (role_of(acme, ada), emitted()) == ("member", [])


def test_a_member_leaves_by_saying_so(
    ada: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    response = Api(ada.id).post(f"{ORGS}/{acme.id}/leave")

    assert (response.status_code, response.getvalue()) == (204, b"")
    assert emitted() == [MemberRemoved(org_id=acme.id, user_id=ada.id)]
    assert recorded() == [("member.removed", ada.id, ada.id, acme.id, {})]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("role=owner", ["grace@example.com"]),
        ("role=member", ["linus@example.com", "ada@example.com"]),
        ("status=suspended", ["linus@example.com"]),
        ("role=owner&status=suspended", []),
    ],
)
def test_members_are_listed_by_role_and_status(
    grace: User, linus: User, acme: Organization, query: str, found: list[str]
) -> None:
    Membership.objects.filter(user=linus).update(status="suspended")

    answer = body_of(Api(grace.id).get(f"{members(acme)}?{query}"))

    assert [row["email"] for row in answer["data"]] == found


@pytest.mark.parametrize("query", ["role=emperor", "status=", "color=red"])
def test_refuses_a_filter_that_it_does_not_know(
    grace: User, acme: Organization, query: str
) -> None:
    response = Api(grace.id).get(f"{members(acme)}?{query}")

    assert_problem(response, 400, "validation_error", f"/{query.partition('=')[0]}")


@pytest.mark.parametrize(
    ("settings", "code", "status"),
    [
        ({"allowed_domains": ["example.org"]}, "domain_not_allowed", 403),
        ({"member_limit": 2}, "seat_limit_reached", 409),
    ],
    ids=["another domain", "no seat"],
)
def test_the_settings_decide_who_is_added(
    grace: User,
    mallory: User,
    acme: Organization,
    settings: dict[str, Any],
    code: str,
    status: int,
) -> None:
    set_up(acme, **settings)
    body = {"user_id": str(mallory.id)}

    assert_problem(Api(grace.id).post(members(acme), body), status, code)

    assert Membership.objects.count() == 2


@pytest.mark.parametrize(
    "settings",
    [{"allowed_domains": ["example.org", "example.com"]}, {"member_limit": 3}],
    ids=["that domain", "a seat left"],
)
def test_who_suits_the_settings_is_added(
    grace: User, mallory: User, acme: Organization, settings: dict[str, Any]
) -> None:
    set_up(acme, **settings)

    response = Api(grace.id).post(members(acme), {"user_id": str(mallory.id)})

    assert response.status_code == 201


def test_a_role_that_rose_meanwhile_is_not_taken_by_who_is_below_it(
    ada: User, linus: User, acme: Organization
) -> None:
    """What the actor may take is asked of the row that is locked."""
    give(acme, ada, "admin")
    give(acme, linus, "owner")

    with pytest.raises(Forbidden):
        change_role_of_member(
            organization_id=acme.id,
            user_id=linus.id,
            role=Membership.Role.MEMBER,
            own_role=Membership.Role.ADMIN,
            actor_id=ada.id,
        )

    assert role_of(acme, linus) == "owner"

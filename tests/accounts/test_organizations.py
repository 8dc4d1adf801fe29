"""Organizations over HTTP: who opens them, and who sees them."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import Organization, User
from accounts.services import create_organization
from opencore.events.org.v1 import MemberAdded, OrgCreated
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.memberships import ORGS, role_of
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db


NOTHING_SET: dict[str, Any] = {
    "mfa_required": False,
    "session_max_age": None,
    "allowed_domains": [],
    "member_limit": None,
}


def shown(organization: Organization, role: str) -> dict[str, Any]:
    """Return how an organization is shown to a member in a role."""
    return {
        "id": str(organization.id),
        "name": organization.name,
        "slug": organization.slug,
        "status": "active",
        "settings": NOTHING_SET,
        "created_at": organization.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": organization.updated_at.isoformat().replace("+00:00", "Z"),
        "role": role,
    }


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
        OrgCreated(org_id=organization.id, name="Acme", created_by=ada.id, slug="acme"),
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
        ({"name": "Ac\nme"}, "/name"),
        ({"name": "Acme", "role": "owner"}, "/role"),
        ({"name": "Acme", "slug": "a--b"}, "/slug"),
        ({"name": "Acme", "slug": "-a"}, "/slug"),
        ({"name": "Acme", "slug": "s" * 64}, "/slug"),
        ({"name": "Acme", "slug": "größe"}, "/slug"),
        ({"name": "Acme", "slug": None}, "/slug"),
    ],
    ids=[
        *(
            "missing",
            "empty",
            "spaces",
            "too long",
            "number",
            "null byte",
            "line break",
        ),
        *("unknown", "two hyphens", "leading hyphen", "long slug", "umlaut", "no slug"),
    ],
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


def test_the_database_refuses_an_organization_without_a_name() -> None:
    with (
        pytest.raises(IntegrityError, match="accounts_organization_has_a_name"),
        transaction.atomic(),
    ):
        Organization.objects.create(name="", created_by=UUID(int=0))


@pytest.mark.parametrize(
    "path",
    ["/v1/users/me", ORGS, f"{ORGS}/{UUID(int=1)}", f"{ORGS}/{UUID(int=1)}/members"],
)
def test_nobody_gets_in_without_a_token(path: str) -> None:
    assert_problem(Client().get(path), 401, "unauthenticated")

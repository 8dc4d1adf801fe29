"""Organizations over HTTP: how they are named, changed and deleted."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import ApiKey, Membership, Organization, ServiceAccount, User
from accounts.selectors import organization_ids_of
from accounts.services import create_organization
from opencore.events.org.v1 import OrgDeleted, OrgUpdated
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.memberships import ORGS, give
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db


def at(organization: Organization) -> str:
    """Return where an organization is."""
    return f"{ORGS}/{organization.id}"


def proven(user: User) -> Api:
    """Return somebody who proved a moment ago, by two factors, who they are."""
    return Api(user.id, proved_at=timezone.now(), assurance=2)


def change(api: Api, organization: Organization, **changes: Any) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Change the newest version of an organization; return the answer."""
    return api.patch(at(organization), changes, If_Match="*")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme"),
        ("  Größe & Söhne_Co. ", "groe-sohne-co"),
        ("東京", "org"),
        ("x" * 100, "x" * 50),
    ],
    ids=["plain", "umlauts", "nothing left", "long"],
)
def test_a_slug_is_made_of_the_name(ada: User, name: str, slug: str) -> None:
    answer = body_of(Api(ada.id).post(ORGS, {"name": name}))

    assert answer["slug"] == slug


def test_a_slug_that_is_made_makes_way_for_one_that_is_there(
    ada: User, acme: Organization
) -> None:
    answer = body_of(Api(ada.id).post(ORGS, {"name": "ACME"}))

    assert answer["slug"].startswith("acme-")
    assert len(answer["slug"]) == len("acme-") + 8


@pytest.mark.usefixtures("acme")
def test_a_slug_that_is_taken_is_refused_however_it_is_written(
    ada: User, emitted: Emitted, recorded: Recorded
) -> None:
    response = Api(ada.id).post(ORGS, {"name": "Other", "slug": "ACME"})

    assert_problem(response, 409, "slug_taken")
    assert Organization.objects.count() == 1
    assert (emitted(), recorded()) == ([], [])


def test_an_organization_opened_twice_with_one_key_is_opened_once(ada: User) -> None:
    key = uuid4().hex

    first = Api(ada.id).post(ORGS, {"name": "Acme"}, key=key)
    second = Api(ada.id).post(ORGS, {"name": "Acme"}, key=key)

    assert Organization.objects.count() == 1
    assert body_of(second) == body_of(first)
    assert second["ETag"] == first["ETag"]
    assert second["Idempotency-Replayed"] == "true"


def test_who_has_the_newest_version_is_sent_none(ada: User, acme: Organization) -> None:
    first = Api(ada.id).get(at(acme))

    again = Api(ada.id).get(at(acme), If_None_Match=first["ETag"])

    assert (again.status_code, again.getvalue()) == (304, b"")


def test_another_role_makes_another_version(ada: User, acme: Organization) -> None:
    old = Api(ada.id).get(at(acme))["ETag"]
    Api(acme.created_by).patch(f"{at(acme)}/members/{ada.id}", {"role": "admin"})

    again = Api(ada.id).get(at(acme), If_None_Match=old)

    assert (again.status_code, body_of(again)["role"]) == (200, "admin")


def test_an_owner_changes_the_version_that_they_read(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    read = Api(grace.id).get(at(acme))

    response = Api(grace.id).patch(
        at(acme), {"name": "Acme Ltd", "slug": "acme-ltd"}, If_Match=read["ETag"]
    )

    assert response.status_code == 200
    assert response["ETag"] != read["ETag"]
    assert response["ETag"] == Api(grace.id).get(at(acme))["ETag"]
    answer = body_of(response)
    assert (answer["name"], answer["slug"]) == ("Acme Ltd", "acme-ltd")
    assert emitted() == [
        OrgUpdated(org_id=acme.id, name="Acme Ltd", slug="acme-ltd", status="active")
    ]
    changed = {"changed": "name,slug"}
    assert recorded() == [("organization.updated", grace.id, acme.id, acme.id, changed)]


def test_a_change_that_changes_nothing_is_told_to_nobody(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    before = Api(grace.id).get(at(acme))

    after = change(Api(grace.id), acme, name="Acme")

    assert (after.status_code, after["ETag"]) == (200, before["ETag"])
    assert (emitted(), recorded()) == ([], [])


def test_a_change_must_say_of_which_version(grace: User, acme: Organization) -> None:
    response = Api(grace.id).patch(at(acme), {"name": "Other"})

    assert_problem(response, 428, "precondition_required")


def test_a_change_of_an_old_version_changes_nothing(
    grace: User, acme: Organization, emitted: Emitted
) -> None:
    old = Api(grace.id).get(at(acme))["ETag"]
    change(Api(grace.id), acme, name="Newer")
    before = len(emitted())

    response = Api(grace.id).patch(at(acme), {"name": "Older"}, If_Match=old)

    assert_problem(response, 412, "precondition_failed")
    assert Organization.objects.get().name == "Newer"
    assert len(emitted()) == before


def test_a_slug_of_another_can_not_be_taken(
    grace: User, mallory: User, acme: Organization, emitted: Emitted
) -> None:
    other = create_organization(name="Other", actor_id=mallory.id)
    before = len(emitted())

    response = change(Api(grace.id), acme, slug=other.slug.upper())

    assert_problem(response, 409, "slug_taken")
    assert Organization.objects.get(id=acme.id).slug == "acme"
    assert len(emitted()) == before


@pytest.mark.parametrize(
    "settings",
    [
        {"allowed_domains": ["example.com", "example.org"]},
        {"member_limit": 7},
        {"mfa_required": True},
        {"session_max_age": 12},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_a_setting_is_changed_and_the_others_stay(
    grace: User, acme: Organization, settings: dict[str, Any]
) -> None:
    api = proven(grace)
    change(api, acme, settings={"member_limit": 9, "session_max_age": 24})

    answer = body_of(change(api, acme, settings=settings))

    assert answer["settings"] == {
        "mfa_required": False,
        "session_max_age": 24,
        "allowed_domains": [],
        "member_limit": 9,
        **settings,
    }


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"colour": "red"}, "/settings/colour"),
        ({"mfa_required": "yes"}, "/settings/mfa_required"),
        ({"mfa_required": 1}, "/settings/mfa_required"),
        ({"session_max_age": 0}, "/settings/session_max_age"),
        ({"session_max_age": 721}, "/settings/session_max_age"),
        ({"session_max_age": "12"}, "/settings/session_max_age"),
        ({"allowed_domains": "example.com"}, "/settings/allowed_domains"),
        ({"allowed_domains": ["Example.com"]}, "/settings/allowed_domains/0"),
        ({"allowed_domains": ["a.com", "com"]}, "/settings/allowed_domains/1"),
        ({"allowed_domains": [7]}, "/settings/allowed_domains/0"),
        ({"member_limit": 0}, "/settings/member_limit"),
        ({"member_limit": True}, "/settings/member_limit"),
        ([], "/settings"),
        (None, "/settings"),
    ],
)
def test_refuses_settings_that_the_schema_does_not_know(
    grace: User, acme: Organization, settings: object, pointer: str
) -> None:
    response = change(proven(grace), acme, settings=settings)

    assert_problem(response, 400, "validation_error", pointer)
    assert Organization.objects.get().settings == {}


@pytest.mark.parametrize("setting", [{"mfa_required": True}, {"session_max_age": 1}])
def test_how_people_prove_themselves_is_changed_with_a_fresh_proof_alone(
    grace: User, acme: Organization, setting: dict[str, Any]
) -> None:
    stale = Api(grace.id, proved_at=timezone.now() - timedelta(minutes=11))

    assert_problem(change(stale, acme, settings=setting), 403, "step_up_required")

    assert Organization.objects.get().settings == {}


@pytest.mark.parametrize("role", ["billing", "developer", "member", "viewer"])
def test_who_is_neither_owner_nor_admin_changes_nothing(
    ada: User, acme: Organization, role: str
) -> None:
    give(acme, ada, role)

    assert_problem(change(Api(ada.id), acme, name="Mine"), 403, "forbidden")

    assert Organization.objects.get().name == "Acme"


def test_an_owner_deletes_an_organization(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    response = proven(grace).delete(at(acme))

    assert (response.status_code, response.getvalue()) == (204, b"")
    assert emitted() == [OrgDeleted(org_id=acme.id, deleted_by=grace.id)]
    assert recorded() == [("organization.deleted", grace.id, acme.id, acme.id, {})]


@pytest.mark.parametrize("path", ["", "/members", "/audit-events", "/roles"])
def test_of_a_deleted_organization_nothing_is_shown(
    grace: User, acme: Organization, path: str
) -> None:
    proven(grace).delete(at(acme))

    assert_problem(Api(grace.id).get(f"{at(acme)}{path}"), 404, "not_found")
    assert body_of(Api(grace.id).get(ORGS))["data"] == []
    assert organization_ids_of(user_id=grace.id) == []


def test_the_slug_of_a_deleted_organization_is_free(
    grace: User, acme: Organization
) -> None:
    proven(grace).delete(at(acme))

    response = Api(grace.id).post(ORGS, {"name": "Acme", "slug": "acme"})

    assert response.status_code == 201


def test_the_keys_and_programs_of_a_deleted_organization_end(
    grace: User, acme: Organization
) -> None:
    account = ServiceAccount.objects.create(
        organization=acme, name="deploy", role="developer", created_by=grace.id
    )
    key = ApiKey.objects.create(
        organization=acme,
        service_account=account,
        name="ci",
        prefix="abcdefgh",
        secret_hmac=b"hash",
        scopes=["org.read"],
        created_by=grace.id,
    )

    proven(grace).delete(at(acme))

    key.refresh_from_db()
    account.refresh_from_db()
    assert None not in {key.revoked_at, account.disabled_at}


def test_an_organization_is_deleted_with_a_fresh_proof_alone(
    grace: User, acme: Organization
) -> None:
    assert_problem(Api(grace.id).delete(at(acme)), 403, "step_up_required")

    assert Organization.objects.get().status == "active"


def test_an_admin_deletes_nothing(ada: User, acme: Organization) -> None:
    give(acme, ada, "admin")

    assert_problem(proven(ada).delete(at(acme)), 403, "forbidden")

    assert Organization.objects.get().status == "active"


def test_a_token_that_names_an_organization_opens_nothing_by_that(
    ada: User, acme: Organization
) -> None:
    """The organizations in a token are hints; the database is asked."""
    still_naming = Api(ada.id, org_ids=(acme.id,))
    assert still_naming.get(at(acme)).status_code == 200
    Membership.objects.filter(user=ada).delete()

    assert_problem(still_naming.get(at(acme)), 404, "not_found")

"""API keys over HTTP: made, shown once, rotated with a time for both, and revoked."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import ApiKey, Organization, User
from accounts.roles import Role
from accounts.services import (
    delete_organization,
    disable_service_account,
    revoke_api_key,
)
from opencore.events.org.v1 import ApiKeyCreated, ApiKeyRevoked, ApiKeyRotated
from tests.accounts.canary import places_with
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.memberships import give
from tests.accounts.programs import (
    Program,
    accounts_of,
    at,
    key_for,
    keys_of,
    robot_of,
    stored,
)
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db
WANTED = {"name": "deploy", "scopes": ["members.read", "org.read"]}
DAY = 24 * 60 * 60


def proven(user: User) -> Api:
    """Return somebody who proved a moment ago who they are."""
    return Api(user.id, proved_at=timezone.now())


def made(api: Api, organization: Organization, **wanted: Any) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Make a key; return the answer's body."""
    response = api.post(keys_of(organization), {**WANTED, **wanted})
    assert response.status_code == 201
    return body_of(response)


def rotated(api: Api, organization: Organization, key_id: str, **wanted: Any) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Rotate a key; return the answer."""
    return api.post(f"{keys_of(organization)}/{key_id}/rotate", wanted)


def test_a_key_is_made_for_a_service_account_and_shown_once(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    robot = robot_of(acme, grace)

    response = proven(grace).post(
        keys_of(acme), {**WANTED, "service_account_id": str(robot.id)}
    )

    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    key = body_of(response)
    assert re.fullmatch(r"ock_\w{12}_\w{49}", key["api_key"])
    assert key["api_key"].split("_")[1] == key["prefix"]
    shown = body_of(proven(grace).get(f"{keys_of(acme)}/{key['id']}"))
    assert shown == {name: key[name] for name in key if name != "api_key"}
    assert body_of(proven(grace).get(keys_of(acme)))["data"] == [shown]
    assert (key["service_account_id"], key["user_id"]) == (str(robot.id), None)
    assert emitted() == [
        ApiKeyCreated(
            org_id=acme.id,
            key_id=stored(key["id"]).id,
            prefix=key["prefix"],
            scopes="members.read org.read",
            service_account_id=robot.id,
            user_id=None,
            expires_at=None,
            by=grace.id,
        )
    ]
    said = {"prefix": key["prefix"], "scopes": "members.read org.read"}
    assert recorded()[-1] == (
        *("api_key.created", grace.id, stored(key["id"]).id),
        *(acme.id, said),
    )


def test_without_a_service_account_it_is_its_makers_own(
    grace: User, acme: Organization
) -> None:
    key = made(proven(grace), acme)

    assert (key["service_account_id"], key["user_id"]) == (None, str(grace.id))


def test_the_database_holds_no_text_of_a_key(grace: User, acme: Organization) -> None:
    key = made(proven(grace), acme)
    secret = key["api_key"].rpartition("_")[2]

    rotated(proven(grace), acme, key["id"])

    assert places_with([key["prefix"]]) != set()
    assert places_with([secret, secret[:20]]) == set()


def test_a_developer_gives_no_key_what_developers_may_not(
    ada: User, acme: Organization, emitted: Emitted
) -> None:
    give(acme, ada, "developer")
    wanted = {**WANTED, "scopes": ["org.read", "audit.read", "members.invite"]}

    response = proven(ada).post(keys_of(acme), wanted)

    assert_problem(response, 403, "scopes_exceed_role", "/scopes/1", "/scopes/2")
    assert (ApiKey.objects.count(), emitted()) == (0, [])


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"scopes": ["org.delete"]}, "/scopes/0"),
        ({"scopes": ["api_keys.manage"]}, "/scopes/0"),
        ({"scopes": []}, "/scopes"),
        ({"networks": ["192.0.2.1/24"]}, "/networks/0"),
        ({"networks": ["::ffff:192.0.2.0/120"]}, "/networks/0"),
        ({"networks": ["home"]}, "/networks/0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"name": "two\nlines"}, "/name"),
    ],
    ids=str,
)
def test_a_key_that_can_not_be_is_refused(
    grace: User, acme: Organization, wanted: dict[str, Any], pointer: str
) -> None:
    response = proven(grace).post(keys_of(acme), {**WANTED, **wanted})

    assert_problem(response, 400, "validation_error", pointer)


def test_a_network_is_kept_in_one_spelling(grace: User, acme: Organization) -> None:
    key = made(proven(grace), acme, networks=["2001:0DB8::/32", "192.0.2.9"])

    assert key["networks"] == ["2001:db8::/32", "192.0.2.9/32"]


def test_a_key_for_a_program_of_others_is_not_made(
    grace: User, mallory: User, acme: Organization
) -> None:
    api = proven(mallory)
    globex = body_of(api.post("/v1/orgs", {"name": "Globex"}))["id"]
    robot = body_of(api.post(f"/v1/orgs/{globex}/service-accounts", {"name": "ci"}))

    response = proven(grace).post(
        keys_of(acme), {**WANTED, "service_account_id": robot["id"]}
    )

    assert_problem(response, 404, "not_found")


def test_a_disabled_program_gets_no_key(grace: User, acme: Organization) -> None:
    robot = robot_of(acme, grace)
    disable_service_account(
        organization_id=acme.id,
        account_id=robot.id,
        actor_id=grace.id,
        now=timezone.now(),
    )

    response = proven(grace).post(
        keys_of(acme), {**WANTED, "service_account_id": str(robot.id)}
    )

    assert_problem(response, 409, "service_account_disabled")


def test_both_keys_are_good_for_a_day_after_a_rotation(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    old = made(proven(grace), acme, networks=["192.0.2.0/24"])

    response = rotated(proven(grace), acme, old["id"])

    assert response.status_code == 201
    new = body_of(response)
    assert new["api_key"] != old["api_key"]
    same = ("name", "scopes", "networks", "user_id", "service_account_id", "expires_at")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    assert new["rotated_from"] == old["id"]
    good_until = stored(old["id"]).expires_at
    assert good_until is not None
    left = (good_until - timezone.now()).total_seconds()
    assert DAY - 60 < left <= DAY
    for key in (old, new):
        assert Program(key["api_key"]).get(at(acme)).status_code == 200
    assert emitted()[1:] == [
        ApiKeyRotated(
            org_id=acme.id,
            key_id=stored(new["id"]).id,
            prefix=new["prefix"],
            scopes="members.read org.read",
            previous_key_id=stored(old["id"]).id,
            previous_good_until=good_until,
            expires_at=None,
            by=grace.id,
        )
    ]
    assert recorded()[-1][:1] == ("api_key.rotated",)
    assert recorded()[-1][4]["previous"] == old["id"]


def test_without_a_time_for_both_the_old_key_ends_at_once(
    grace: User, acme: Organization, emitted: Emitted
) -> None:
    old = made(proven(grace), acme)

    new = body_of(rotated(proven(grace), acme, old["id"], overlap=0))

    assert_problem(Program(old["api_key"]).get(at(acme)), 401, "api_key_invalid")
    assert Program(new["api_key"]).get(at(acme)).status_code == 200
    last = emitted()[-1]
    assert isinstance(last, ApiKeyRevoked)
    assert (last.prefix, last.reason) == (old["prefix"], "rotated")


@pytest.mark.parametrize("overlap", [-1, 7 * DAY + 1, "60", 1.5])
def test_a_strange_time_for_both_is_refused(
    grace: User, acme: Organization, overlap: object
) -> None:
    old = made(proven(grace), acme)

    response = rotated(proven(grace), acme, old["id"], overlap=overlap)

    assert_problem(response, 400, "validation_error", "/overlap")


def test_a_rotation_does_not_lengthen_what_ends_before(
    grace: User, acme: Organization
) -> None:
    soon = timezone.now() + timedelta(hours=1)
    old = made(proven(grace), acme, expires_at=soon.isoformat())

    new = body_of(rotated(proven(grace), acme, old["id"]))

    assert stored(old["id"]).expires_at == soon
    lives = stored(new["id"]).expires_at
    assert lives is not None
    assert abs((lives - soon).total_seconds()) < 60


def test_a_key_is_rotated_once_unless_its_successor_is_revoked(
    grace: User, acme: Organization
) -> None:
    soon = timezone.now() + timedelta(days=90)
    old = made(proven(grace), acme, expires_at=soon.isoformat())
    lost = body_of(rotated(proven(grace), acme, old["id"]))

    again = rotated(proven(grace), acme, old["id"])
    proven(grace).delete(f"{keys_of(acme)}/{lost['id']}")
    instead = rotated(proven(grace), acme, old["id"])

    assert_problem(again, 409, "api_key_rotated")
    assert instead.status_code == 201
    lives = stored(body_of(instead)["id"]).expires_at
    assert lives is not None
    assert abs((lives - soon).total_seconds()) < 60


def test_a_key_that_ended_is_not_rotated(grace: User, acme: Organization) -> None:
    key = made(proven(grace), acme)
    proven(grace).delete(f"{keys_of(acme)}/{key['id']}")

    response = rotated(proven(grace), acme, key["id"])

    assert_problem(response, 409, "api_key_ended")


def test_nobody_rotates_a_key_into_more_than_they_may(
    ada: User, grace: User, acme: Organization
) -> None:
    give(acme, ada, "developer")
    key = key_for(acme, grace, robot_of(acme, grace), scopes=("audit.read",)).key

    response = rotated(proven(ada), acme, str(key.id))

    assert_problem(response, 403, "scopes_exceed_role", "/scopes/0")


def test_nobody_rotates_the_own_key_of_another(
    ada: User, grace: User, acme: Organization
) -> None:
    give(acme, ada, "admin")
    key = made(proven(grace), acme)

    response = rotated(proven(ada), acme, key["id"])

    assert_problem(response, 403, "forbidden")


def test_a_revoked_key_is_refused_and_revoked_once(
    ada: User, grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    give(acme, ada, "developer")
    key = made(proven(grace), acme)
    place = f"{keys_of(acme)}/{key['id']}"

    first, second = proven(ada).delete(place), proven(ada).delete(place)

    assert (first.status_code, second.status_code) == (204, 204)
    assert_problem(Program(key["api_key"]).get(at(acme)), 401, "api_key_invalid")
    assert emitted()[1:] == [
        ApiKeyRevoked(
            org_id=acme.id,
            key_id=stored(key["id"]).id,
            prefix=key["prefix"],
            scopes="members.read org.read",
            reason="revoked",
            by=ada.id,
        )
    ]
    assert [action for action, *_ in recorded()].count("api_key.revoked") == 1


def test_a_key_of_another_organization_is_none_of_ours(
    grace: User, mallory: User, acme: Organization
) -> None:
    key = made(proven(grace), acme)
    globex = body_of(proven(mallory).post("/v1/orgs", {"name": "Globex"}))["id"]
    place = f"/v1/orgs/{globex}/api-keys/{key['id']}"

    for response in (
        proven(mallory).get(place),
        proven(mallory).delete(place),
        proven(mallory).post(f"{place}/rotate", {}),
    ):
        assert_problem(response, 404, "not_found")
    assert stored(key["id"]).revoked_at is None


def test_with_the_organization_each_key_ends_and_is_told_of(
    grace: User, acme: Organization, emitted: Emitted
) -> None:
    keys = [key_for(acme, grace), key_for(acme, grace, robot_of(acme, grace))]

    delete_organization(organization_id=acme.id, actor_id=grace.id, now=timezone.now())

    told = [event for event in emitted() if isinstance(event, ApiKeyRevoked)]
    assert [(event.key_id, event.reason) for event in told] == [
        (each.key.id, "deleted") for each in keys
    ]
    for each in keys:
        assert_problem(Program(each.text).get(at(acme)), 401, "api_key_invalid")


def test_the_list_can_be_narrowed_to_a_holder(grace: User, acme: Organization) -> None:
    robot = robot_of(acme, grace)
    own, theirs = key_for(acme, grace).key, key_for(acme, grace, robot).key

    def ids(query: str) -> list[str]:
        answer = body_of(proven(grace).get(f"{keys_of(acme)}?{query}"))
        return [key["id"] for key in answer["data"]]

    assert ids(f"user_id={grace.id}") == [str(own.id)]
    assert ids(f"service_account_id={robot.id}") == [str(theirs.id)]
    assert ids(f"service_account_id={uuid4()}") == []


def test_a_program_manages_no_keys(grace: User, acme: Organization) -> None:
    robot = robot_of(acme, grace)
    program = Program(key_for(acme, grace, robot).text)

    for response in (
        program.get(keys_of(acme)),
        program.post(keys_of(acme), WANTED),
        program.get(accounts_of(acme)),
        program.post(accounts_of(acme), {"name": "another", "role": "viewer"}),
    ):
        assert_problem(response, 403, "forbidden")


def test_revoking_what_was_revoked_says_nothing_twice(
    grace: User, acme: Organization, emitted: Emitted
) -> None:
    key = key_for(acme, grace, robot_of(acme, grace, Role.VIEWER)).key
    for _ in range(2):
        revoke_api_key(
            organization_id=acme.id,
            key_id=key.id,
            actor_id=grace.id,
            now=timezone.now(),
        )

    assert len([each for each in emitted() if isinstance(each, ApiKeyRevoked)]) == 1

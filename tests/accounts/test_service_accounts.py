"""Service accounts over HTTP: named, given a role, and disabled for good."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organization, ServiceAccount, User
from accounts.roles import Role
from opencore.events.org.v1 import ApiKeyRevoked
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.memberships import give
from tests.accounts.programs import Program, accounts_of, at, key_for, robot_of
from tests.api import Api, assert_problem, body_of

pytestmark = pytest.mark.django_db


def proven(user: User) -> Api:
    """Return somebody who proved a moment ago who they are."""
    return Api(user.id, proved_at=timezone.now())


def place(account: ServiceAccount) -> str:
    """Return where a service account is."""
    return f"{accounts_of(account.organization)}/{account.id}"


def change(api: Api, account: ServiceAccount, **changes: str) -> Any:  # noqa: ANN401 -- JSON is any shape
    """Change the newest version; return the answer."""
    return api.patch(place(account), changes, If_Match="*")


def test_a_program_is_made_and_shown(
    grace: User, acme: Organization, recorded: Recorded
) -> None:
    response = proven(grace).post(accounts_of(acme), {"name": "ci", "role": "viewer"})

    assert response.status_code == 201
    made = body_of(response)
    account = ServiceAccount.objects.get()
    assert (made["name"], made["role"], made["disabled_at"]) == ("ci", "viewer", None)
    assert body_of(proven(grace).get(accounts_of(acme)))["data"] == [made]
    again = proven(grace).get(place(account), If_None_Match=response["ETag"])
    assert again.status_code == 304
    assert recorded() == [
        (
            *("service_account.created", grace.id, account.id, acme.id),
            {"role": "viewer"},
        )
    ]


def test_a_name_is_given_once_however_it_is_written(
    grace: User, acme: Organization
) -> None:
    first, other = robot_of(acme, grace), robot_of(acme, grace, name="other")

    made = proven(grace).post(accounts_of(acme), {"name": "CI"})
    renamed = change(proven(grace), other, name="Ci")

    for response in (made, renamed):
        assert_problem(response, 409, "service_account_name_taken")
    assert ServiceAccount.objects.get(name="ci") == first


@pytest.mark.parametrize("role", ["owner", "root", None, 1])
def test_no_program_is_an_owner(grace: User, acme: Organization, role: object) -> None:
    response = proven(grace).post(accounts_of(acme), {"name": "ci", "role": role})

    assert_problem(response, 400, "validation_error", "/role")


@pytest.mark.parametrize("role", ["admin", "billing", "viewer"])
def test_a_developer_lends_nothing_that_developers_lack(
    ada: User, acme: Organization, role: str
) -> None:
    give(acme, ada, "developer")

    response = proven(ada).post(accounts_of(acme), {"name": "ci", "role": role})

    assert_problem(response, 403, "forbidden")
    assert ServiceAccount.objects.count() == 0


def test_a_developer_changes_no_role_beyond_their_own(
    ada: User, grace: User, acme: Organization
) -> None:
    give(acme, ada, "developer")
    mighty = robot_of(acme, grace, Role.ADMIN, "mighty")
    plain = robot_of(acme, grace, Role.MEMBER, "plain")

    assert_problem(change(proven(ada), mighty, role="member"), 403, "forbidden")
    assert_problem(change(proven(ada), plain, role="admin"), 403, "forbidden")
    assert change(proven(ada), plain, role="developer").status_code == 200


def test_another_role_holds_for_its_keys_at_once(
    grace: User, acme: Organization, recorded: Recorded
) -> None:
    robot = robot_of(acme, grace)
    program = Program(key_for(acme, grace, robot).text)
    record = f"{at(acme)}/audit-events"
    assert program.get(record).status_code == 200

    assert change(proven(grace), robot, role="viewer").status_code == 200

    assert_problem(program.get(record), 403, "forbidden")
    assert program.get(at(acme)).status_code == 200
    said = {"changed": "role", "role": "viewer", "previous_role": "admin"}
    assert recorded()[-1] == (
        *("service_account.updated", grace.id, robot.id, acme.id),
        said,
    )


def test_a_change_names_the_version_it_is_meant_for(
    grace: User, acme: Organization
) -> None:
    robot = robot_of(acme, grace)
    etag = proven(grace).get(place(robot))["ETag"]

    first = proven(grace).patch(place(robot), {"name": "one"}, If_Match=etag)
    second = proven(grace).patch(place(robot), {"name": "two"}, If_Match=etag)

    assert first.status_code == 200
    assert_problem(second, 412, "precondition_failed")
    assert_problem(
        proven(grace).patch(place(robot), {"name": "two"}), 428, "precondition_required"
    )


def test_nothing_changes_where_nothing_is_different(
    grace: User, acme: Organization, recorded: Recorded
) -> None:
    robot = robot_of(acme, grace)
    before = len(recorded())

    assert change(proven(grace), robot, name="ci").status_code == 200

    robot.refresh_from_db()
    assert (robot.version, len(recorded())) == (1, before)


def test_a_disabled_program_has_no_key_that_is_good(
    grace: User, acme: Organization, emitted: Emitted, recorded: Recorded
) -> None:
    robot = robot_of(acme, grace)
    keys = [key_for(acme, grace, robot) for _ in range(2)]

    first, second = (
        proven(grace).delete(place(robot)),
        proven(grace).delete(place(robot)),
    )

    assert (first.status_code, second.status_code) == (204, 204)
    for key in keys:
        assert_problem(Program(key.text).get(at(acme)), 401, "api_key_invalid")
    ended = [event for event in emitted() if isinstance(event, ApiKeyRevoked)]
    assert [(event.key_id, event.reason) for event in ended] == [
        (key.key.id, "disabled") for key in keys
    ]
    assert [action for action, *_ in recorded()].count("service_account.disabled") == 1
    assert body_of(proven(grace).get(place(robot)))["disabled_at"] is not None


def test_a_disabled_program_makes_room_for_another_of_its_name(
    grace: User, acme: Organization
) -> None:
    robot = robot_of(acme, grace)
    proven(grace).delete(place(robot))
    robot.refresh_from_db()

    change(proven(grace), robot, name="ci, until March")

    response = proven(grace).post(accounts_of(acme), {"name": "ci"})
    assert response.status_code == 201


def test_who_may_not_manage_programs_does_not_see_them(
    ada: User, acme: Organization
) -> None:
    assert_problem(proven(ada).get(accounts_of(acme)), 403, "forbidden")

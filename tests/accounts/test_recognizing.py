"""A program is let in by its key alone: good, in time, from where it may come."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.errors import RotatedAlready
from accounts.models import ApiKey, AuditEntry, Membership, Organization, User
from accounts.roles import Role
from accounts.services import (
    add_member,
    deactivate_user,
    remove_member,
    rotate_api_key,
    suspend_organization,
)
from opencore.api_keys import new_key_text, read_key
from opencore.hashing import lookup_hash
from opencore.idempotency import HEADER
from tests.accounts.memberships import give, member, members
from tests.accounts.programs import ALL, Program, at, key_for, robot_of, stored
from tests.api import assert_problem, body_of

pytestmark = pytest.mark.django_db


def refused(program: Program, organization: Organization) -> bool:
    """Tell whether a program is not let in, for whatever reason in the same words."""
    response = program.get(at(organization))
    if response.status_code == 200:
        return False
    assert_problem(response, 401, "api_key_invalid")
    assert response["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert body_of(response)["detail"] == (
        "The API key is none of ours, or no longer, or not good from where you are."
    )
    return True


def test_a_program_is_let_in_as_what_it_is(grace: User, acme: Organization) -> None:
    robot = robot_of(acme, grace)
    made = key_for(acme, grace, robot)

    answer = body_of(Program(made.text).get(at(acme)))

    assert (answer["id"], answer["role"]) == (str(acme.id), "admin")


def test_what_a_program_does_is_recorded_as_done_by_it_and_its_key(
    grace: User, ada: User, acme: Organization
) -> None:
    robot = robot_of(acme, grace)
    made = key_for(acme, grace, robot)

    response = Program(made.text).ask("DELETE", member(acme, ada))

    assert response.status_code == 204
    entry = AuditEntry.objects.order_by("seq").last()
    assert entry is not None
    assert (entry.action, entry.actor_kind) == ("member.removed", "service_account")
    assert (entry.actor_id, entry.api_key_id) == (robot.id, made.key.id)


@pytest.mark.parametrize("wrong", ["secret", "prefix", "checksum", "short", "nothing"])
def test_another_text_is_no_key(grace: User, acme: Organization, wrong: str) -> None:
    right = key_for(acme, grace).text
    other = new_key_text().text
    texts = {
        "secret": f"ock_{right.split('_')[1]}_{other.split('_')[2]}",
        "prefix": other,
        "checksum": right[:-1] + ("a" if right[-1] != "a" else "b"),
        "short": right[:-1],
        "nothing": "ock_",
    }

    assert refused(Program(texts[wrong]), acme)


def test_a_right_checksum_with_a_wrong_secret_is_no_key(
    grace: User, acme: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = key_for(acme, grace)
    prefix = made.key.prefix
    monkeypatch.setattr("opencore.api_keys._random", lambda n: (prefix + "x" * 99)[:n])
    forged = new_key_text()
    assert read_key(forged.text) == forged
    assert forged.prefix == prefix

    assert refused(Program(forged.text), acme)


def test_an_expired_key_is_refused(grace: User, acme: Organization) -> None:
    made = key_for(acme, grace, expires_at=timezone.now() + timedelta(days=1))
    assert not refused(Program(made.text), acme)

    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert refused(Program(made.text), acme)


def test_a_key_is_good_from_its_networks_alone(grace: User, acme: Organization) -> None:
    text = key_for(acme, grace, networks=("192.0.2.0/24", "2001:db8:1::/48")).text

    for address in ("192.0.2.9", "::ffff:192.0.2.9", "2001:db8:1::9"):
        assert not refused(Program(text, peer=address), acme)
    for address in ("192.0.3.9", "2001:db8:2::9", "::ffff:192.0.3.9", ""):
        assert refused(Program(text, peer=address), acme)


@pytest.mark.parametrize("inside", ["192.0.2.9", "2001:db8:1::9"])
def test_proxies_name_the_network_if_they_are_trusted(
    grace: User, acme: Organization, settings: Settings, inside: str
) -> None:
    text = key_for(acme, grace, networks=("192.0.2.0/24", "2001:db8:1::/48")).text
    through = Program(text, peer="10.0.0.1", forwarded=inside)
    forged = Program(text, peer="203.0.113.9", forwarded=inside)

    assert refused(through, acme)
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]

    assert not refused(through, acme)
    assert refused(forged, acme)


def test_a_key_allows_what_its_scopes_and_its_holders_role_both_do(
    grace: User, acme: Organization
) -> None:
    robot = robot_of(acme, grace, Role.MEMBER)
    wide = Program(key_for(acme, grace, robot).text)
    narrow = Program(key_for(acme, grace, robot, scopes=("org.read",)).text)

    assert wide.get(members(acme)).status_code == 200
    assert_problem(wide.get(f"{at(acme)}/audit-events"), 403, "forbidden")
    assert narrow.get(at(acme)).status_code == 200
    assert_problem(narrow.get(members(acme)), 403, "forbidden")


def test_a_lowered_member_has_a_lowered_key(
    ada: User, grace: User, acme: Organization
) -> None:
    give(acme, ada, "admin")
    program = Program(key_for(acme, ada).text)
    assert program.get(f"{at(acme)}/audit-events").status_code == 200

    give(acme, ada, "member")

    assert_problem(program.get(f"{at(acme)}/audit-events"), 403, "forbidden")


def test_a_suspended_member_has_a_key_for_nothing(
    ada: User, acme: Organization
) -> None:
    program = Program(key_for(acme, ada).text)

    Membership.objects.filter(user=ada).update(status="suspended")

    assert_problem(program.get(at(acme)), 403, "membership_suspended")


def test_a_removed_members_key_stays_bad_when_they_are_back(
    ada: User, grace: User, acme: Organization
) -> None:
    program = Program(key_for(acme, ada).text)

    remove_member(organization_id=acme.id, user_id=ada.id, actor_id=grace.id)
    assert refused(program, acme)

    add_member(
        organization_id=acme.id, user_id=ada.id, role=Role.MEMBER, actor_id=grace.id
    )
    # All of this test is one transaction, and so one moment to PostgreSQL.
    Membership.objects.filter(user=ada).update(
        created_at=timezone.now() + timedelta(seconds=1)
    )
    assert refused(program, acme)


def test_a_deactivated_person_has_no_key_that_is_good(
    ada: User, grace: User, acme: Organization
) -> None:
    program = Program(key_for(acme, ada).text)

    deactivate_user(user_id=ada.id, actor_id=grace.id, now=timezone.now())

    assert refused(program, acme)


def test_in_a_suspended_organization_a_key_only_reads(
    grace: User, acme: Organization
) -> None:
    program = Program(key_for(acme, grace, robot_of(acme, grace)).text)

    suspend_organization(
        organization_id=acme.id,
        reason="unpaid",
        actor_id=grace.id,
        now=timezone.now(),
    )

    assert program.get(at(acme)).status_code == 200
    assert_problem(
        program.get(f"{at(acme)}/audit-events"), 403, "organization_suspended"
    )


def test_a_key_makes_and_unmakes_no_owner(
    ada: User, grace: User, acme: Organization
) -> None:
    program = Program(key_for(acme, grace).text)

    raised = program.ask("PATCH", member(acme, ada), {"role": "owner"})
    give(acme, ada, "owner")
    lowered = program.ask("PATCH", member(acme, ada), {"role": "viewer"})

    for response in (raised, lowered):
        assert_problem(response, 403, "forbidden")


def test_a_key_that_may_not_assign_roles_adds_plain_members_alone(
    grace: User, mallory: User, acme: Organization
) -> None:
    scopes = ("members.invite", "org.read")
    program = Program(key_for(acme, grace, robot_of(acme, grace), scopes=scopes).text)
    who = {"user_id": str(mallory.id)}

    mighty = program.post(members(acme), {**who, "role": "admin"})
    plain = program.post(members(acme), {**who, "role": "member"})

    assert_problem(mighty, 403, "forbidden")
    assert plain.status_code == 201


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/users/me", "/v1/users/me/sessions", "/v1/orgs", "/v1/auth/session"),
        *("/v1/billing/payments", "/v1/notifications", "/v1/ops/gateway/table"),
    ],
)
def test_what_is_for_people_lets_no_program_in(
    grace: User, acme: Organization, path: str
) -> None:
    for holder in (robot_of(acme, grace), None):
        response = Program(key_for(acme, grace, holder).text).get(path)

        assert_problem(response, 403, "forbidden")


def test_the_last_use_is_written_once_a_minute(grace: User, acme: Organization) -> None:
    made = key_for(acme, grace)
    program = Program(made.text)
    assert stored(made.key.id).last_used_at is None

    program.get(at(acme))
    first = stored(made.key.id).last_used_at
    assert first is not None
    with CaptureQueriesContext(
        connection,
    ) as queries:
        program.get(at(acme))
    assert [each["sql"] for each in queries if each["sql"].startswith("UPDATE")] == []
    assert stored(made.key.id).last_used_at == first

    long_ago = first - timedelta(seconds=61)
    ApiKey.objects.update(last_used_at=long_ago)
    program.get(at(acme))
    last = stored(made.key.id).last_used_at
    assert last is not None
    assert last >= first


def test_a_refused_use_is_no_use(grace: User, acme: Organization) -> None:
    made = key_for(acme, grace, networks=("198.51.100.0/24",))

    assert refused(Program(made.text), acme)

    assert stored(made.key.id).last_used_at is None


def test_a_pepper_can_be_changed_while_keys_are_in_use(
    grace: User, acme: Organization, settings: Settings
) -> None:
    made = key_for(acme, grace)
    settings.PREVIOUS_LOOKUP_PEPPERS = [settings.LOOKUP_PEPPER]
    settings.LOOKUP_PEPPER = "another-" * 8

    assert not refused(Program(made.text), acme)

    settings.PREVIOUS_LOOKUP_PEPPERS = []
    assert not refused(Program(made.text), acme)
    newest = lookup_hash(made.text, purpose="api key")
    assert bytes(stored(made.key.id).secret_hmac) == newest


def test_answers_are_repeated_to_the_key_that_asked_alone(
    grace: User, mallory: User, acme: Organization
) -> None:
    robot = robot_of(acme, grace)
    first, other = (
        Program(key_for(acme, grace, robot, scopes=scopes).text)
        for scopes in (ALL, ("org.read",))
    )
    body = {"user_id": str(mallory.id)}

    made = first.post(members(acme), body, **{HEADER: "one"})
    again = first.post(members(acme), body, **{HEADER: "one"})
    of_another = other.post(members(acme), body, **{HEADER: "one"})

    assert (made.status_code, again.status_code) == (201, 201)
    assert again["Idempotency-Replayed"] == "true"
    assert_problem(of_another, 403, "forbidden")


@pytest.mark.django_db(transaction=True)
def test_of_two_rotations_at_once_one_wins(grace: User, acme: Organization) -> None:
    key = key_for(acme, grace).key
    at_once = Barrier(2)

    def rotate() -> bool:
        at_once.wait(10)
        try:
            rotate_api_key(
                organization_id=acme.id,
                key_id=key.id,
                overlap=timedelta(hours=1),
                allowed=frozenset(ALL),
                actor_id=grace.id,
                now=timezone.now(),
            )
        except RotatedAlready:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as threads:
        won = list(threads.map(lambda _: rotate(), range(2)))

    assert sorted(won) == [False, True]
    assert ApiKey.objects.count() == 2


def test_the_text_of_a_key_is_in_no_log_and_no_answer(
    grace: User, acme: Organization, caplog: pytest.LogCaptureFixture
) -> None:
    made = key_for(acme, grace)
    secret = made.text.rpartition("_")[2]
    caplog.set_level(logging.DEBUG)

    answers = [
        Program(made.text).get(at(acme)),
        Program(made.text).get("/v1/orgs"),
        Program(made.text[:-1] + "-").get(at(acme)),
        Client().get(f"/v1/orgs?key={made.text}"),
        Client().get("/metrics"),
    ]
    logging.getLogger("opencore").warning("seen %s", made)

    for answer in answers:
        assert secret not in answer.getvalue().decode()
    assert secret not in caplog.text
    assert secret not in repr(made)

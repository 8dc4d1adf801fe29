"""An organization is always owned, whoever forgets to look."""

from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.errors import LastOwner
from accounts.models import Membership, Organization, User
from accounts.services import remove_member
from tests.accounts.conftest import Emitted, Recorded
from tests.accounts.memberships import give, member, role_of
from tests.api import Api, assert_problem

pytestmark = pytest.mark.django_db


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

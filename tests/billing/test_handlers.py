"""What billing makes of others' events, however often they come."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from billing.models import Customer, OrgMember
from opencore.events import Event
from opencore.events.billing.v1 import CustomerCreated
from opencore.events.org.v1 import (
    MemberAdded,
    MemberRemoved,
    MemberResumed,
    MemberRoleChanged,
    MemberSuspended,
    OrgCreated,
    OrgDeleted,
)
from opencore.events.user.v1 import UserCreated, UserEmailChanged
from tests import hearing
from tests.billing.conftest import Emitted

pytestmark = pytest.mark.django_db

Hear = Callable[[Event], None]


def added(organization: UUID, user: UUID, role: str) -> MemberAdded:
    """Return that somebody belongs to an organization."""
    return MemberAdded(org_id=organization, user_id=user, role=role)


def resumed(organization: UUID, user: UUID, role: str) -> MemberResumed:
    """Return that somebody belongs to it again."""
    return MemberResumed(org_id=organization, user_id=user, role=role, by=None)


@pytest.fixture
def hear() -> Hear:
    """Let billing hear of an event, without the inbox that would stop a second time."""

    def hear(event: Event) -> None:
        hearing.hear("billing", event)

    return hear


def test_a_new_user_becomes_a_customer_once(
    hear: Hear, ada: UUID, emitted: Emitted
) -> None:
    event = UserCreated(user_id=ada, email="ada@example.com")

    hear(event)
    hear(event)

    customer = Customer.objects.get()
    assert (customer.user_id, customer.email) == (ada, "ada@example.com")
    assert emitted() == [CustomerCreated(customer_id=customer.id, user_id=ada)]


def test_a_new_organization_becomes_a_customer_once(
    hear: Hear, grace: UUID, emitted: Emitted
) -> None:
    event = OrgCreated(org_id=uuid4(), name="Acme", created_by=grace)

    hear(event)
    hear(event)

    customer = Customer.objects.get()
    assert customer.org_id == event.org_id
    assert emitted() == [CustomerCreated(customer_id=customer.id, org_id=event.org_id)]


def test_a_new_member_is_known_once(hear: Hear, grace: UUID) -> None:
    event = MemberAdded(org_id=uuid4(), user_id=grace, role="owner")

    hear(event)
    hear(event)

    member = OrgMember.objects.get()
    assert (member.org_id, member.user_id, member.role) == (
        event.org_id,
        grace,
        "owner",
    )


@pytest.mark.parametrize("kind", [added, resumed])
def test_members_who_are_heard_of_together_are_known_in_their_latest_roles(
    kind: Callable[[UUID, UUID, str], Event],
    acme: UUID,
    ada: UUID,
    grace: UUID,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    heard = [
        kind(acme, ada, "billing"),
        kind(acme, grace, "member"),
        kind(acme, ada, "admin"),
    ]

    with django_assert_num_queries(1):
        hearing.hear("billing", *heard)

    assert roles_in(acme) == {ada: "admin", grace: "member"}


def test_a_removed_member_is_forgotten(hear: Hear, acme: UUID, ada: UUID) -> None:
    event = MemberRemoved(org_id=acme, user_id=ada)

    hear(event)
    hear(event)

    assert not OrgMember.objects.filter(org_id=acme, user_id=ada).exists()


def roles_in(organization: UUID) -> dict[UUID, str]:
    """Return whom billing knows in an organization, and as what."""
    members = OrgMember.objects.filter(org_id=organization)
    return dict(members.values_list("user_id", "role"))


def made_billing(organization: UUID, user: UUID) -> MemberRoleChanged:
    """Return that a member became the one who pays."""
    return MemberRoleChanged(
        org_id=organization,
        user_id=user,
        role="billing",
        previous_role="member",
        by=None,
    )


def test_a_members_new_role_is_known(
    hear: Hear, acme: UUID, ada: UUID, grace: UUID
) -> None:
    event = made_billing(acme, ada)

    hear(event)
    hear(event)

    assert roles_in(acme) == {ada: "billing", grace: "owner"}


def test_a_suspended_member_is_forgotten_whatever_role_they_get(
    hear: Hear, acme: UUID, ada: UUID, grace: UUID
) -> None:
    hear(MemberSuspended(org_id=acme, user_id=ada, by=grace))
    hear(made_billing(acme, ada))

    assert roles_in(acme) == {grace: "owner"}


def test_a_resumed_member_is_known_in_the_role_of_now(
    hear: Hear, acme: UUID, ada: UUID, grace: UUID
) -> None:
    hear(MemberSuspended(org_id=acme, user_id=ada, by=grace))
    hear(MemberResumed(org_id=acme, user_id=ada, role="billing", by=grace))

    assert roles_in(acme) == {ada: "billing", grace: "owner"}


def test_nobody_of_a_deleted_organization_is_known(
    hear: Hear, acme: UUID, grace: UUID
) -> None:
    elsewhere = MemberAdded(org_id=uuid4(), user_id=grace, role="owner")
    hear(elsewhere)

    hear(OrgDeleted(org_id=acme, deleted_by=grace))

    assert roles_in(acme) == {}
    assert roles_in(elsewhere.org_id) == {grace: "owner"}


def test_a_customer_is_reached_at_the_newest_address(hear: Hear, ada: UUID) -> None:
    hear(UserCreated(user_id=ada, email="ada@example.com"))

    hear(UserEmailChanged(user_id=ada, email="new@example.com", version=3))
    hear(UserEmailChanged(user_id=ada, email="older@example.com", version=2))

    assert Customer.objects.get().email == "new@example.com"


def test_an_address_that_was_forgotten_is_not_learned_from_what_is_older(
    hear: Hear, ada: UUID
) -> None:
    hear(UserEmailChanged(user_id=ada, email="new@example.com", version=2))
    Customer.objects.update(email=None)

    hear(UserCreated(user_id=ada, email="ada@example.com"))

    assert Customer.objects.get().email is None

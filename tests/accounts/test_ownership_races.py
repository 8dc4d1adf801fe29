"""Owners, heirs and those who change their minds, at once: always somebody owns it."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.errors import LastOwner, TransferClosed, TransferPending
from accounts.models import Membership, Organization, OwnershipTransfer, User
from accounts.roles import Role
from accounts.services import (
    accept_ownership,
    add_member,
    cancel_transfer,
    change_role_of_member,
    create_organization,
    offer_ownership,
    remove_member,
)
from tests.accounts.crowd import at_once

pytestmark = pytest.mark.django_db(transaction=True)
Deed = Callable[..., object]


def doing(deed: Deed, organization: Organization, actor: User) -> Callable[[], str]:
    """Return a deed that says that it was done."""

    def do() -> str:
        deed(organization_id=organization.id, actor_id=actor.id, now=timezone.now())
        return "done"

    return do


def offered(grace: User, ada: User) -> Organization:
    """Return an organization that grace owns and offers to ada."""
    organization = create_organization(name="Acme", actor_id=grace.id)
    add_member(
        organization_id=organization.id,
        user_id=ada.id,
        role=Role.MEMBER,
        actor_id=grace.id,
    )
    offering(organization, grace, ada)()
    return organization


def offering(organization: Organization, by: User, to: User) -> Callable[[], UUID]:
    return lambda: (
        offer_ownership(
            organization_id=organization.id,
            to_user_id=to.id,
            actor_id=by.id,
            now=timezone.now(),
        ).id
    )


def owners_of(organization: Organization) -> list[UUID]:
    owners = Membership.objects.filter(organization=organization, role="owner")
    return list(owners.values_list("user_id", flat=True))


def test_an_offer_is_accepted_or_cancelled_fifty_times(grace: User, ada: User) -> None:
    for _ in range(50):
        organization = offered(grace, ada)

        outcomes = at_once(
            [
                doing(accept_ownership, organization, ada),
                doing(cancel_transfer, organization, grace),
            ]
        )

        assert set(outcomes) == {"done", TransferClosed}
        taken = outcomes[0] == "done"
        assert owners_of(organization) == [ada.id if taken else grace.id]
        kept = OwnershipTransfer.objects.get(organization=organization)
        assert (kept.accepted_at is None, kept.cancelled_at is None) == (
            not taken,
            taken,
        )


def test_of_eight_who_accept_one_offer_one_does(grace: User, ada: User) -> None:
    organization = offered(grace, ada)

    outcomes = at_once([doing(accept_ownership, organization, ada)] * 8)

    assert (outcomes.count("done"), outcomes.count(TransferClosed)) == (1, 7)
    assert owners_of(organization) == [ada.id]


def test_of_two_owners_who_offer_at_once_one_does_twenty_times(
    grace: User, ada: User, mallory: User
) -> None:
    for _ in range(20):
        organization = create_organization(name="Acme", actor_id=grace.id)
        for person, role in ((ada, Role.MEMBER), (mallory, Role.OWNER)):
            add_member(
                organization_id=organization.id,
                user_id=person.id,
                role=role,
                actor_id=grace.id,
            )

        outcomes = at_once(
            [offering(organization, owner, ada) for owner in (grace, mallory)]
        )

        assert outcomes.count(TransferPending) == 1
        assert OwnershipTransfer.objects.filter(organization=organization).count() == 1


@pytest.mark.parametrize("leaves", ["the owner", "the heir"])
def test_nobody_leaves_it_without_an_owner_fifty_times(
    grace: User, ada: User, leaves: str
) -> None:
    who = grace if leaves == "the owner" else ada

    for _ in range(50):
        organization = offered(grace, ada)

        def leave(organization: Organization = organization) -> str:
            remove_member(
                organization_id=organization.id, user_id=who.id, actor_id=who.id
            )
            return "done"

        taken, left = at_once([doing(accept_ownership, organization, ada), leave])

        assert len(owners_of(organization)) == 1
        # The owner leaves after the heir took over, or not at all; the heir before.
        if who == grace:
            assert taken == "done"
            assert left in {"done", LastOwner}
        else:
            assert (taken, left) in {
                ("done", LastOwner),
                (TransferClosed, "done"),
            }


def test_an_owner_who_is_demoted_meanwhile_gives_nothing_away_fifty_times(
    grace: User, ada: User, mallory: User
) -> None:
    for _ in range(50):
        organization = offered(grace, ada)
        add_member(
            organization_id=organization.id,
            user_id=mallory.id,
            role=Role.OWNER,
            actor_id=grace.id,
        )

        def demote(organization: Organization = organization) -> str:
            change_role_of_member(
                organization_id=organization.id,
                user_id=grace.id,
                role=Role.VIEWER,
                own_role=Role.OWNER,
                actor_id=mallory.id,
            )
            return "done"

        taken, demoted = at_once([doing(accept_ownership, organization, ada), demote])

        assert demoted == "done"
        assert taken in {"done", TransferClosed}
        expected = {mallory.id, *([ada.id] if taken == "done" else [])}
        assert set(owners_of(organization)) == expected

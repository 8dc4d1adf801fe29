"""Many at once: a limit is a limit, an address is asked once, a link is good once."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.errors import (
    AlreadyInvited,
    InvitationClosed,
    InvitationLimitReached,
    SeatLimitReached,
)
from accounts.models import Invitation, Membership, Organization, User
from accounts.roles import Role
from accounts.services import (
    accept_invitation,
    decline_invitation,
    find_or_create_user,
    revoke_invitation,
)
from opencore.errors import RateLimited
from tests.accounts.crowd import at_once
from tests.accounts.inviting import invited

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_eight_who_invite_one_address_one_does(
    grace: User, acme: Organization
) -> None:
    outcomes = at_once([lambda: invited(acme, grace).id] * 8)

    (made,) = Invitation.objects.values_list("id", flat=True)
    assert outcomes.count(made) == 1
    assert outcomes.count(AlreadyInvited) == 7


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [
        ("INVITATIONS_MOST_OPEN", InvitationLimitReached),
        ("INVITATIONS_PER_DAY", RateLimited),
    ],
)
def test_eight_who_invite_at_once_do_not_pass_a_limit(
    grace: User,
    acme: Organization,
    settings: Settings,
    limit: str,
    refusal: type[Exception],
) -> None:
    setattr(settings, limit, 3)

    outcomes = at_once(
        [
            lambda name=name: invited(acme, grace, f"{name}@example.com").id  # type: ignore[misc]  # -- mypy can't infer it
            for name in "abcdefgh"
        ]
    )

    assert Invitation.objects.count() == 3
    assert outcomes.count(refusal) == 5


def accepting(invitation_id: UUID, user_id: UUID) -> Callable[[], str]:
    """Return the deed of who is invited."""
    return lambda: (
        accept_invitation(
            invitation_id=invitation_id, user_id=user_id, now=timezone.now()
        ).role
    )


def declining(invitation_id: UUID, user_id: UUID) -> Callable[[], str]:
    """Return the deed of who is invited and does not want to."""

    def decline() -> str:
        decline_invitation(
            invitation_id=invitation_id, user_id=user_id, now=timezone.now()
        )
        return "declined"

    return decline


def revoking(invitation: Invitation, actor_id: UUID) -> Callable[[], str]:
    """Return the deed of an owner who takes the invitation back."""

    def revoke() -> str:
        revoke_invitation(
            organization_id=invitation.organization_id,
            invitation_id=invitation.id,
            own_role=Role.OWNER,
            actor_id=actor_id,
            now=timezone.now(),
        )
        return "revoked"

    return revoke


def test_of_eight_who_accept_with_one_link_one_joins(
    grace: User, mallory: User, acme: Organization
) -> None:
    made = invited(acme, grace)

    outcomes = at_once([accepting(made.id, mallory.id)] * 8)

    assert outcomes.count("member") == 1
    assert outcomes.count(InvitationClosed) == 7
    assert Membership.objects.filter(user=mallory).count() == 1


def test_an_invitation_is_accepted_or_declined_or_taken_back_twenty_times(
    grace: User, mallory: User, acme: Organization
) -> None:
    for _ in range(20):
        made = invited(acme, grace)

        outcomes = at_once(
            [
                accepting(made.id, mallory.id),
                declining(made.id, mallory.id),
                revoking(made, grace.id),
            ]
        )

        assert outcomes.count(InvitationClosed) == 2
        joined = Membership.objects.filter(user=mallory)
        assert joined.count() == outcomes.count("member")
        joined.delete()


def test_who_accept_at_once_do_not_pass_the_limit_of_members(
    grace: User, acme: Organization
) -> None:
    people = [
        find_or_create_user(email=f"{name}@example.com", actor_id=None)
        for name in "abcd"
    ]
    made = [invited(acme, grace, person.email).id for person in people]
    Organization.objects.filter(id=acme.id).update(settings={"member_limit": 3})

    outcomes = at_once(
        [accepting(it, person.id) for it, person in zip(made, people, strict=True)]
    )

    assert outcomes.count("member") == 1
    assert outcomes.count(SeatLimitReached) == 3
    assert Invitation.objects.filter(accepted_at=None).count() == 3

"""Many who invite at once: a limit is a limit, and an address is asked once."""

import pytest
from pytest_django import Settings

from accounts.errors import AlreadyInvited, InvitationLimitReached
from accounts.models import Invitation, Organization, User
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

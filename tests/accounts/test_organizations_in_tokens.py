"""An access token names the organizations of its bearer, as they were when it was made."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from accounts.models import Membership, Organization, User
from accounts.services import Tokens, refresh_session
from accounts.services.sessions import open_session
from opencore.tokens import read_access

pytestmark = pytest.mark.django_db


@pytest.fixture
def now() -> datetime:
    """The time of the sign-in; tokens are read by the real clock."""
    return timezone.now()


@pytest.fixture
def tokens(ada: User, now: datetime) -> Tokens:
    """What ada got at her sign-in."""
    return open_session(user=ada, ip=None, user_agent="", now=now)


def organizations_of(user: User, *, many: int) -> list[UUID]:
    """Let somebody join organizations, one after the other."""
    joined = []
    for number in range(many):
        organization = Organization.objects.create(
            name=f"org {number}", created_by=uuid4()
        )
        Membership.objects.create(
            organization=organization,
            user=user,
            role="owner",
            created_at=timezone.now() + timedelta(seconds=number),
        )
        joined.append(organization.id)
    return joined


def test_at_the_sign_in_the_token_names_the_first_organizations(
    ada: User, grace: User, now: datetime
) -> None:
    joined = organizations_of(ada, many=21)
    organizations_of(grace, many=1)

    tokens = open_session(user=ada, ip=None, user_agent="", now=now)

    assert read_access(tokens.access_token).org_ids == tuple(joined[:20])


def test_after_a_refresh_the_token_names_the_organizations_of_now(
    ada: User, grace: User, tokens: Tokens, now: datetime
) -> None:
    joined = organizations_of(ada, many=21)
    organizations_of(grace, many=1)

    renewed = refresh_session(refresh_token=tokens.refresh_token, now=now)

    assert read_access(tokens.access_token).org_ids == ()
    assert read_access(renewed.access_token).org_ids == tuple(joined[:20])

"""What many do at once, on the real database: one wins, and nobody wins twice."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError
from django.utils import timezone
from pytest_django import Settings

from accounts.errors import (
    CodeInvalid,
    EmailTaken,
    LastOwner,
    RefreshReused,
    SessionEnded,
    SignInLocked,
    TooManyAttempts,
)
from accounts.models import AuditEntry, Challenge, Membership, Session, User
from accounts.roles import Role
from accounts.services import (
    SignedIn,
    Tokens,
    add_member,
    change_email,
    change_role_of_member,
    create_organization,
    find_or_create_user,
    issue_challenge,
    redeem_challenge,
    refresh_session,
    remove_member,
    request_code,
    request_email_change,
    suspend_member,
    verify_code,
)
from accounts.services.sessions import open_session
from opencore.errors import RateLimited
from opencore.events import Event
from opencore.events.org.v1 import MemberRemoved, MemberRoleChanged, MemberSuspended
from opencore.events.user.v1 import AccountLocked, UserCreated
from opencore.tokens import read_access, read_refresh
from tests.accounts.conftest import Emitted
from tests.accounts.crowd import at_once
from tests.accounts.visitor import mailed_code, wrong_code

pytestmark = pytest.mark.django_db(transaction=True)


def test_sixteen_refreshes_of_one_token_renew_it_once_and_all_get_its_newest_tokens(
    ada: User,
) -> None:
    now = timezone.now()
    tokens = open_session(user=ada, ip=None, user_agent="", now=now)

    outcomes = at_once(
        [lambda: refresh_session(refresh_token=tokens.refresh_token, now=now)] * 16
    )

    session = Session.objects.get()
    assert (session.generation, session.revoked_at) == (2, None)
    answers = [outcome for outcome in outcomes if isinstance(outcome, Tokens)]
    assert [read_access(each.access_token).user_id for each in answers] == [ada.id] * 16
    generations = [read_refresh(each.refresh_token).generation for each in answers]
    assert generations == [2] * 16
    refresh_session(refresh_token=answers[-1].refresh_token, now=now)


def test_sixteen_reuses_of_one_token_end_the_session_once(
    ada: User, emitted: Emitted
) -> None:
    now = timezone.now()
    stolen = open_session(user=ada, ip=None, user_agent="", now=now).refresh_token
    newer = refresh_session(refresh_token=stolen, now=now).refresh_token
    refresh_session(refresh_token=newer, now=now)

    outcomes = at_once([lambda: refresh_session(refresh_token=stolen, now=now)] * 16)

    assert set(outcomes) <= {RefreshReused, SessionEnded}
    assert Session.objects.get().revoke_reason == "refresh_reused"
    assert len(emitted()) == 1
    assert AuditEntry.objects.filter(action="session.revoked").count() == 1


def ask() -> UUID:
    """Ask for a code to ada's address."""
    return request_code(
        email="ada@example.com", ip=None, user_agent="", now=timezone.now()
    ).challenge_id


def tell(challenge: Challenge, code: str) -> UUID:
    """Tell a code; return who was let in."""
    signed_in = verify_code(
        challenge_id=challenge.id,
        code=code,
        ip=None,
        user_agent="",
        now=challenge.created_at,
    )
    assert isinstance(signed_in, SignedIn)
    return signed_in.user.id


def test_of_thirty_two_wrong_codes_five_are_looked_at() -> None:
    challenge = Challenge.objects.get(id=ask())
    wrong = wrong_code(challenge)

    outcomes = at_once([lambda: tell(challenge, wrong)] * 32)

    assert outcomes.count(CodeInvalid) == 5
    assert outcomes.count(TooManyAttempts) == 27
    challenge.refresh_from_db()
    assert challenge.attempts == 5


def test_of_thirty_two_wrong_codes_for_four_challenges_ten_are_looked_at(
    ada: User, emitted: Emitted
) -> None:
    challenges = [issued(purpose) for purpose in Challenge.MAILED]

    outcomes = at_once([guessing(challenge) for challenge in challenges] * 8)

    assert outcomes.count(CodeInvalid) == 10
    assert outcomes.count(SignInLocked) + outcomes.count(TooManyAttempts) == 22
    assert sum(Challenge.objects.values_list("attempts", flat=True)) == 10
    assert Challenge.objects.live().count() == 0
    (locked,) = (event for event in emitted() if isinstance(event, AccountLocked))
    assert locked.user_id == ada.id


def issued(purpose: Challenge.Purpose) -> Challenge:
    """Return a challenge to ada's address."""
    asked = issue_challenge(
        purpose=purpose,
        email="ada@example.com",
        ip=None,
        user_agent="",
        now=timezone.now(),
    )
    return Challenge.objects.get(id=asked.challenge_id)


def guessing(challenge: Challenge) -> Callable[[], UUID]:
    """Return the deed of telling a wrong code."""
    wrong, purpose = wrong_code(challenge), Challenge.Purpose(challenge.purpose)
    return lambda: (
        redeem_challenge(
            challenge_id=challenge.id,
            purpose=purpose,
            code=wrong,
            now=challenge.created_at,
        ).id
    )


def test_of_eight_codes_asked_for_by_one_client_at_once_five_are_sent(
    settings: Settings,
) -> None:
    settings.CODES_PER_HOUR_OF_CLIENT = 5

    outcomes = at_once([asking_for(f"ada{number}@example.com") for number in range(8)])

    assert outcomes.count(RateLimited) == 3
    assert Challenge.objects.count() == 5


def asking_for(email: str) -> Callable[[], UUID]:
    """Return the deed of asking for a code from one place."""
    return lambda: (
        request_code(
            email=email, ip="192.0.2.7", user_agent="", now=timezone.now()
        ).challenge_id
    )


def test_of_five_who_tell_the_right_code_one_is_let_in(emitted: Emitted) -> None:
    challenge = Challenge.objects.get(id=ask())
    right = mailed_code(challenge)

    outcomes = at_once([lambda: tell(challenge, right)] * 5)

    user, session = User.objects.get(), Session.objects.get()
    assert outcomes.count(user.id) == 1
    assert outcomes.count(CodeInvalid) == 4
    assert session.user == user
    assert emitted()[1:] == [UserCreated(user_id=user.id, email="ada@example.com")]


def test_of_eight_who_make_one_user_all_find_the_same(emitted: Emitted) -> None:
    outcomes = at_once([making("ada@example.com"), making("ADA@example.com")] * 4)

    user = User.objects.get()
    assert outcomes == [user.id] * 8
    assert emitted() == [UserCreated(user_id=user.id, email=user.email)]


def making(email: str) -> Callable[[], UUID]:
    """Return the deed of making an address a user."""
    return lambda: find_or_create_user(email=email, actor_id=None).id


def test_of_eight_who_ask_for_a_code_at_once_one_is_sent_it() -> None:
    outcomes = at_once([ask] * 8)

    assert outcomes.count(RateLimited) == 7
    assert Challenge.objects.live().get() == Challenge.objects.get()


def test_of_eight_who_ask_for_a_code_five_are_sent_one_and_one_code_is_live(
    settings: Settings,
) -> None:
    settings.CODE_RESEND_AFTER = timedelta(0)

    outcomes = at_once([ask] * 8)

    assert outcomes.count(RateLimited) == 3
    assert Challenge.objects.count() == 5
    assert Challenge.objects.live().count() == 1


@pytest.fixture
def owners(ada: User, grace: User) -> tuple[UUID, UUID]:
    """Two who own organizations together."""
    return ada.id, grace.id


def shared_by(ada: UUID, grace: UUID) -> UUID:
    """Return a new organization that both own."""
    organization = create_organization(name="Acme", actor_id=ada)
    add_member(
        organization_id=organization.id,
        user_id=grace,
        role=Membership.Role.OWNER,
        actor_id=ada,
    )
    return organization.id


def owners_left(organization_id: UUID) -> int:
    """Count who owns an organization."""
    return Membership.objects.filter(
        organization_id=organization_id, role="owner", status="active"
    ).count()


Deed = Callable[..., None]
DEEDS: dict[str, tuple[Deed, type[Event]]] = {
    "remove": (remove_member, MemberRemoved),
    "demote": (partial(change_role_of_member, role=Role.MEMBER), MemberRoleChanged),
    "suspend": (suspend_member, MemberSuspended),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_two_owners_who_end_each_others_ownership_fifty_times_leave_one_each_time(
    owners: tuple[UUID, UUID], emitted: Emitted, deed: str
) -> None:
    end, told = DEEDS[deed]
    organizations = [shared_by(*owners) for _ in range(50)]
    before = len(emitted())

    for organization_id in organizations:
        outcomes = at_once(
            [
                ending(end, organization_id, *owners),
                ending(end, organization_id, *owners[::-1]),
            ]
        )
        assert sorted(map(str, outcomes)) == sorted(map(str, (None, LastOwner)))

    assert [owners_left(each) for each in organizations] == [1] * 50
    assert [type(event) for event in emitted()[before:]] == [told] * 50


def ending(
    end: Deed, organization_id: UUID, user_id: UUID, actor_id: UUID
) -> Callable[[], None]:
    """Return the deed of one owner who ends the other's ownership."""
    return lambda: end(
        organization_id=organization_id,
        user_id=user_id,
        own_role=Role.OWNER,
        actor_id=actor_id,
    )


def test_past_the_services_the_database_keeps_an_owner_fifty_times(
    owners: tuple[UUID, UUID],
) -> None:
    organizations = [shared_by(*owners) for _ in range(50)]

    for organization_id in organizations:
        outcomes = at_once(
            [demoting(organization_id, user_id) for user_id in owners],
        )
        assert set(outcomes) == {1, IntegrityError}

    assert [owners_left(each) for each in organizations] == [1] * 50


def demoting(organization_id: UUID, user_id: UUID) -> Callable[[], int]:
    """Return the deed of making an owner a member, past the services."""
    return lambda: Membership.objects.filter(
        organization_id=organization_id, user_id=user_id
    ).update(role="member")


def test_of_eight_who_add_one_member_one_does(
    ada: User, grace: User, emitted: Emitted
) -> None:
    organization = create_organization(name="Acme", actor_id=grace.id)
    before = len(emitted())

    outcomes = at_once(
        [
            lambda: (
                add_member(
                    organization_id=organization.id,
                    user_id=ada.id,
                    role=Membership.Role.MEMBER,
                    actor_id=grace.id,
                ).user_id
            )
        ]
        * 8
    )

    assert outcomes.count(ada.id) == 1
    assert Membership.objects.filter(user=ada).count() == 1
    assert len(emitted()) == before + 1


@pytest.mark.parametrize("round_", range(3))
def test_of_who_moves_to_an_address_and_who_signs_up_with_it_one_has_it(
    round_: int,
) -> None:
    ada = find_or_create_user(email=f"ada{round_}@example.com", actor_id=None)
    asking: dict[str, Any] = {
        "email": "new@example.com",
        "ip": None,
        "user_agent": "",
        "now": timezone.now(),
    }
    moving = request_email_change(user_id=ada.id, **asking)
    signing_up = request_code(**asking)
    codes: dict[UUID, dict[str, Any]] = {
        each.id: {
            "challenge_id": each.id,
            "code": mailed_code(each),
            "now": timezone.now(),
        }
        for each in Challenge.objects.all()
    }
    deeds: list[Callable[[], object]] = [
        partial(
            change_email,
            user_id=ada.id,
            kept_session_id=ada.id,
            actor_id=ada.id,
            **codes[moving.challenge_id],
        ),
        partial(verify_code, ip=None, user_agent="", **codes[signing_up.challenge_id]),
    ]

    moved, signed_up = at_once(deeds)

    has_it = User.objects.get(email="new@example.com")
    assert (moved is EmailTaken) == (has_it.id != ada.id)
    assert getattr(signed_up, "user", None) == has_it

"""Signing in: a code goes to an address, and whoever tells it is let in.

Who has a second factor gets a ticket for the code, and is let in by that factor's code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import selectors
from accounts.errors import AccountDeactivated, CodeInvalid
from accounts.models import Challenge, User
from accounts.services.challenges import (
    Asked,
    answer_challenge,
    consume_challenge,
    issue_challenge,
)
from accounts.services.limiting import hold_address
from accounts.services.people import find_or_create_user
from accounts.services.second_factor import FactorProof, answer_factor, use_factor
from accounts.services.sessions import (
    BY_CODE,
    BY_TWO_FACTORS,
    Tokens,
    open_session,
)
from accounts.services.tickets import FactorAsked, answer_ticket, issue_ticket
from opencore.tenancy import enter_user


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who was let in, and what they can show for it."""

    user: User
    tokens: Tokens


def request_code(
    *, email: str, ip: str | None, user_agent: str, now: datetime
) -> Asked:
    """Send a new sign-in code to an address, whether a user has it or nobody.

    Raises RateLimited if codes were asked for too often.
    """
    return issue_challenge(
        purpose=Challenge.Purpose.LOGIN,
        email=email,
        ip=ip,
        user_agent=user_agent,
        now=now,
    )


def verify_code(
    *,
    challenge_id: UUID,
    code: str,
    ip: str | None,
    user_agent: str,
    now: datetime,
) -> SignedIn | FactorAsked:
    """Let in who tells the code; an address without a user becomes one now.

    Who has a second factor is asked for it. Raises CodeInvalid, CodeExpired, TooManyAttempts or AccountDeactivated.
    """
    challenge = answer_challenge(
        challenge_id=challenge_id, purpose=Challenge.Purpose.LOGIN, code=code, now=now
    )
    return _let_in(challenge, ip=ip, user_agent=user_agent, now=now)


def verify_second_factor(
    *, ticket: str, code: str, ip: str | None, user_agent: str, now: datetime
) -> SignedIn:
    """Let in who told the mailed code, and now one of their second factor.

    Raises CodeInvalid, CodeExpired, TooManyAttempts, SignInLocked or AccountDeactivated.
    """
    challenge = answer_ticket(ticket=ticket, now=now)
    user = challenge.user
    if user is None:
        raise CodeInvalid
    enter_user(user.id)
    proof = answer_factor(user_id=user.id, email=challenge.email, code=code, now=now)
    return _let_in_by_both(challenge, proof, ip=ip, user_agent=user_agent, now=now)


@transaction.atomic
def _let_in(
    challenge: Challenge, *, ip: str | None, user_agent: str, now: datetime
) -> SignedIn | FactorAsked:
    hold_address(challenge.email)
    consume_challenge(challenge=challenge, now=now)
    user = find_or_create_user(email=challenge.email, actor_id=None)
    user = _held(user.id)
    # Before that nobody's factors are to be seen, and everybody seems to have none.
    enter_user(user.id)
    if selectors.confirmed_authenticator(user_id=user.id) is not None:
        return issue_ticket(challenge=challenge, user=user, now=now)
    return _open(user, BY_CODE, ip=ip, user_agent=user_agent, now=now)


@transaction.atomic
def _let_in_by_both(
    challenge: Challenge,
    proof: FactorProof,
    *,
    ip: str | None,
    user_agent: str,
    now: datetime,
) -> SignedIn:
    # The user first, as who changes the address does, which ends the ticket, too.
    user = _held(proof.user_id)
    consume_challenge(challenge=challenge, now=now)
    if user.email.lower() != challenge.email.lower():
        # They moved meanwhile; who reads the mail of before is nobody.
        raise CodeInvalid
    use_factor(proof=proof, now=now)
    return _open(user, BY_TWO_FACTORS, ip=ip, user_agent=user_agent, now=now)


def _held(user_id: UUID) -> User:
    # Held against who changes the factors: each sees what the other did.
    user = User.objects.select_for_update(no_key=True).get(id=user_id)
    if not user.is_active:
        raise AccountDeactivated
    return user


def _open(
    user: User,
    methods: Sequence[str],
    *,
    ip: str | None,
    user_agent: str,
    now: datetime,
) -> SignedIn:
    user.last_login = now
    user.email_verified_at = user.email_verified_at or now
    user.save(update_fields=["last_login", "email_verified_at"])
    tokens = open_session(
        user=user, ip=ip, user_agent=user_agent, now=now, methods=methods
    )
    return SignedIn(user, tokens)

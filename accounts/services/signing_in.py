"""Signing in: a code goes to an address, and whoever tells it is let in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.errors import AccountDeactivated
from accounts.models import Challenge, User
from accounts.services.challenges import (
    Asked,
    answer_challenge,
    consume_challenge,
    issue_challenge,
)
from accounts.services.people import find_or_create_user
from accounts.services.sessions import Tokens, open_session


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
) -> SignedIn:
    """Let in who tells the code; an address without a user becomes one now.

    Raises CodeInvalid, CodeExpired, TooManyAttempts or AccountDeactivated.
    """
    challenge = answer_challenge(
        challenge_id=challenge_id, purpose=Challenge.Purpose.LOGIN, code=code, now=now
    )
    return _let_in(challenge, ip=ip, user_agent=user_agent, now=now)


@transaction.atomic
def _let_in(
    challenge: Challenge, *, ip: str | None, user_agent: str, now: datetime
) -> SignedIn:
    consume_challenge(challenge=challenge, now=now)
    user = find_or_create_user(email=challenge.email, actor_id=None)
    if not user.is_active:
        raise AccountDeactivated
    user.last_login = now
    user.email_verified_at = user.email_verified_at or now
    user.save(update_fields=["last_login", "email_verified_at"])
    tokens = open_session(user=user, ip=ip, user_agent=user_agent, now=now)
    return SignedIn(user, tokens)

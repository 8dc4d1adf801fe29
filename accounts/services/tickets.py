"""Tickets: who told a mailed code goes on with one to their second factor.

A ticket is a challenge that nobody is mailed: it is for one use, for five minutes and
five attempts, and the next sign-in of the address replaces it.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from accounts import selectors
from accounts.errors import CodeInvalid
from accounts.models import Challenge, User
from accounts.services.challenges import MAX_ATTEMPTS, count_attempt, hash_of_code

Purpose = Challenge.Purpose

LIFETIME = timedelta(minutes=5)
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class FactorAsked:
    """That the mailed code was right and is not enough, and how to go on."""

    ticket: str
    expires_in: timedelta
    factors: tuple[str, ...]


@transaction.atomic
def issue_ticket(*, challenge: Challenge, user: User, now: datetime) -> FactorAsked:
    """Let who told the code of a challenge go on to their second factor.

    To be called in the transaction that uses the challenge up, with its address held.
    """
    older = Challenge.objects.to_address(challenge.email, Purpose.SECOND_FACTOR)
    older.live().update(superseded_at=now)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    ticket = Challenge(
        purpose=Purpose.SECOND_FACTOR,
        email=challenge.email,
        user=user,
        max_attempts=MAX_ATTEMPTS,
        created_at=now,
        expires_at=now + LIFETIME,
        ip=challenge.ip,
        user_agent=challenge.user_agent,
    )
    ticket.code_hmac = hash_of_code(ticket.id, secret)
    ticket.save(force_insert=True)
    factors = selectors.factors_of(user_id=user.id)
    return FactorAsked(f"{ticket.id.hex}.{secret}", LIFETIME, factors)


def answer_ticket(*, ticket: str, now: datetime) -> Challenge:
    """Count an attempt with a ticket, and return it; it still has to be consumed.

    Raises CodeInvalid, CodeExpired, TooManyAttempts or SignInLocked.
    """
    name, _, secret = ticket.partition(".")
    found = Challenge.objects.filter(
        id=UUID(name), purpose=Purpose.SECOND_FACTOR
    ).first()
    if found is None or not _fits(found, secret):
        raise CodeInvalid
    return count_attempt(found.id, Purpose.SECOND_FACTOR, found.user_id, now)


def _fits(ticket: Challenge, secret: str) -> bool:
    expected = hash_of_code(ticket.id, secret)
    return hmac.compare_digest(bytes(ticket.code_hmac), expected)

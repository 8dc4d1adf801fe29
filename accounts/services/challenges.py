"""Challenges: a code goes to an address, and whoever tells it has read its mail.

A code is good for one purpose, one person and one challenge. It is stored as an HMAC,
and each attempt is counted before the code is looked at.
"""

import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.errors import CodeExpired, CodeInvalid, TooManyAttempts
from accounts.models import Challenge
from accounts.services.limiting import (
    hold_address,
    refuse_client,
    refuse_too_many,
    refuse_too_soon,
)
from accounts.services.locking import (
    count_guess,
    refuse_locked,
    settle_guess,
)
from opencore.events.auth.v1 import SignInCodeRequested
from opencore.sealing import seal
from outbox.publishing import emit

log = logging.getLogger(__name__)

Purpose = Challenge.Purpose

DIGITS = 8
CODE_LIFETIME = timedelta(minutes=10)
MAX_ATTEMPTS = 5
KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody who asked for a code needs to know."""

    challenge_id: UUID
    expires_in: timedelta
    resend_after: timedelta


@transaction.atomic
def issue_challenge(
    *,
    purpose: Purpose,
    email: str,
    user_id: UUID | None = None,
    ip: str | None,
    user_agent: str,
    now: datetime,
) -> Asked:
    """Send a new code to an address; whether a user has it is not even looked up.

    An older code of the address for this purpose is good for nothing from now on. With
    a `user_id` the code is good for this person alone. Raises RateLimited if codes were
    asked for too often, SignInLocked if they were guessed; both are counted in Postgres.
    """
    hold_address(email)
    refuse_locked(email=email, now=now)
    refuse_too_soon(purpose=purpose, email=email, now=now)
    refuse_too_many(email=email, now=now)
    refuse_client(ip=ip, now=now)
    Challenge.objects.to_address(email, purpose).live().update(superseded_at=now)
    code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    challenge = Challenge(
        purpose=purpose,
        email=email,
        user_id=user_id,
        max_attempts=MAX_ATTEMPTS,
        created_at=now,
        expires_at=now + CODE_LIFETIME,
        ip=ip,
        user_agent=user_agent,
    )
    challenge.code_hmac = hash_of_code(challenge.id, code)
    challenge.save(force_insert=True)
    _send(challenge, code)
    return Asked(challenge.id, CODE_LIFETIME, settings.CODE_RESEND_AFTER)


def redeem_challenge(
    *,
    challenge_id: UUID,
    purpose: Purpose,
    code: str,
    user_id: UUID | None = None,
    now: datetime,
) -> Challenge:
    """Use up a challenge by telling its code; of two who tell it at once one does.

    For what must not lose the code if it fails there are `answer_challenge` and, in its
    transaction, `consume_challenge`. Raises as they do.
    """
    challenge = answer_challenge(
        challenge_id=challenge_id,
        purpose=purpose,
        code=code,
        user_id=user_id,
        now=now,
    )
    consume_challenge(challenge=challenge, now=now)
    return challenge


def answer_challenge(
    *,
    challenge_id: UUID,
    purpose: Purpose,
    code: str,
    user_id: UUID | None = None,
    now: datetime,
) -> Challenge:
    """Return the challenge whose code this is; it still has to be consumed.

    The attempt is committed before the code is looked at, so that no refusal, crash or
    race takes it back. Raises CodeInvalid, CodeExpired, TooManyAttempts or SignInLocked.
    """
    challenge = count_attempt(challenge_id, purpose, user_id, now)
    right = hmac.compare_digest(
        bytes(challenge.code_hmac), hash_of_code(challenge.id, code)
    )
    settle_guess(email=challenge.email, right=right, now=now)
    if not right:
        raise CodeInvalid
    return challenge


@transaction.atomic
def consume_challenge(*, challenge: Challenge, now: datetime) -> None:
    """Use up a challenge that was answered; raises CodeInvalid if it is used already.

    To be called in the transaction of what the code was told for.
    """
    used = Challenge.objects.live().filter(id=challenge.id).update(consumed_at=now)
    if not used:
        raise CodeInvalid


def delete_stale_challenges(*, now: datetime) -> int:
    """Forget codes that are long over; return how many."""
    old = Challenge.objects.filter(created_at__lt=now - KEPT_FOR)
    deleted, _ = old.delete()
    return deleted


def hash_of_code(challenge_id: UUID, code: str) -> bytes:
    """Return as what a challenge's code is stored."""
    return hmac.digest(
        settings.CODE_PEPPER.encode(),
        challenge_id.bytes + code.encode(),
        hashlib.sha256,
    )


def _send(challenge: Challenge, code: str) -> None:
    emit(
        SignInCodeRequested(
            challenge_id=challenge.id,
            email=challenge.email,
            sealed_code=seal(code),
            expires_at=challenge.expires_at,
            purpose=challenge.purpose,
        )
    )
    log.info(
        "code requested",
        extra={"challenge_id": str(challenge.id), "purpose": challenge.purpose},
    )


def count_attempt(
    challenge_id: UUID, purpose: Purpose, user_id: UUID | None, now: datetime
) -> Challenge:
    """Count an attempt before it is looked at; raises as answer_challenge does."""
    meant = {"id": challenge_id, "purpose": purpose, "user_id": user_id}
    with transaction.atomic(durable=True):
        challenge = Challenge.objects.filter(**meant).first()
        if challenge is None:
            raise CodeInvalid
        hold_address(challenge.email)
        count_guess(email=challenge.email, now=now)
        counted = (
            Challenge.objects.live()
            .filter(id=challenge.id, expires_at__gt=now)
            .filter(attempts__lt=F("max_attempts"))
            .update(attempts=F("attempts") + 1)
        )
        if not counted:
            raise _reason_against(challenge.id, now)
    return challenge


def _reason_against(
    challenge_id: UUID, now: datetime
) -> CodeInvalid | CodeExpired | TooManyAttempts:
    challenge = Challenge.objects.get(id=challenge_id)
    if not challenge.is_live():
        return CodeInvalid()
    if challenge.expires_at <= now:
        return CodeExpired()
    return TooManyAttempts()

"""Challenges: a code goes to an address, and whoever tells it has read its mail.

A code is good for one purpose, one person and one challenge. It is stored as an HMAC,
and each attempt is counted before the code is looked at.
"""

import hashlib
import hmac
import logging
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts.errors import CodeExpired, CodeInvalid, TooManyAttempts
from accounts.models import Challenge
from opencore.errors import RateLimited
from opencore.events.auth.v1 import SignInCodeRequested
from opencore.sealing import seal
from outbox.publishing import emit

log = logging.getLogger(__name__)

Purpose = Challenge.Purpose

DIGITS = 8
CODE_LIFETIME = timedelta(minutes=10)
MAX_ATTEMPTS = 5
WINDOW = timedelta(hours=1)
KEPT_FOR = timedelta(days=1)
LOCK_SEED = 0x0C0C  # sets these advisory locks apart from others of 64 bits


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
    asked for too often, counted here, not in Redis.
    """
    _lock_address(email)
    _refuse_too_soon(purpose, email, now)
    _refuse_too_many(email, now)
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
    challenge.code_hmac = _hash(challenge.id, code)
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
    race takes it back. Raises CodeInvalid, CodeExpired or TooManyAttempts.
    """
    challenge = _count_attempt(challenge_id, purpose, user_id, now)
    if not hmac.compare_digest(bytes(challenge.code_hmac), _hash(challenge.id, code)):
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


def _lock_address(email: str) -> None:
    # Two requests for one address at once would each count without the other.
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock(hashtextextended(lower(%s), %s))",
            [email, LOCK_SEED],
        )


def _refuse_too_soon(purpose: Purpose, email: str, now: datetime) -> None:
    # Without a wait, who comes at the same time may even be the newer one.
    if not settings.CODE_RESEND_AFTER:
        return
    last = (
        Challenge.objects.to_address(email, purpose)
        .filter(created_at__gt=now - settings.CODE_RESEND_AFTER)
        .order_by("-created_at")
        .values_list("created_at", flat=True)
        .first()
    )
    if last is not None:
        raise _not_before(last + settings.CODE_RESEND_AFTER, now)


def _refuse_too_many(email: str, now: datetime) -> None:
    times = list(
        Challenge.objects.to_address(email, *Purpose)
        .filter(created_at__gt=now - WINDOW)
        .order_by("-created_at")
        .values_list("created_at", flat=True)[: settings.CODES_PER_HOUR]
    )
    if len(times) >= settings.CODES_PER_HOUR:
        raise _not_before(times[-1] + WINDOW, now)


def _not_before(moment: datetime, now: datetime) -> RateLimited:
    seconds = math.ceil((moment - now).total_seconds())
    return RateLimited(headers={"Retry-After": str(seconds)})


def _hash(challenge_id: UUID, code: str) -> bytes:
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


def _count_attempt(
    challenge_id: UUID, purpose: Purpose, user_id: UUID | None, now: datetime
) -> Challenge:
    meant = {"id": challenge_id, "purpose": purpose, "user_id": user_id}
    with transaction.atomic(durable=True):
        counted = list(Challenge.objects.raw(COUNT_ATTEMPT, {**meant, "now": now}))
    if not counted:
        raise _reason_against(Challenge.objects.filter(**meant).first(), now)
    return counted[0]


def _reason_against(
    challenge: Challenge | None, now: datetime
) -> CodeInvalid | CodeExpired | TooManyAttempts:
    if challenge is None or not challenge.is_live():
        return CodeInvalid()
    if challenge.expires_at <= now:
        return CodeExpired()
    return TooManyAttempts()


COUNT_ATTEMPT = """
update accounts_challenge
set attempts = attempts + 1
where id = %(id)s and purpose = %(purpose)s
    and user_id is not distinct from %(user_id)s
    and consumed_at is null and superseded_at is null
    and attempts < max_attempts and expires_at > %(now)s
returning *
"""

"""Signing in: a code goes to an address, and whoever tells it is let in."""

import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts.errors import (
    AccountDeactivated,
    CodeExpired,
    CodeInvalid,
    TooManyAttempts,
)
from accounts.models import Challenge, User
from accounts.services.people import find_or_create_user
from accounts.services.sessions import Tokens, open_session
from opencore.errors import RateLimited
from opencore.events.auth.v1 import SignInCodeRequested
from opencore.sealing import seal
from outbox.publishing import emit

log = logging.getLogger(__name__)

DIGITS = 8
CODE_LIFETIME = timedelta(minutes=10)
MAX_ATTEMPTS = 5
# After this time a client should offer to send a new code; it may be asked for sooner.
RESEND_AFTER = timedelta(minutes=1)
WINDOW = timedelta(hours=1)
KEPT_FOR = timedelta(days=1)
LOCK_SEED = 0x0C0C  # sets these advisory locks apart from others of 64 bits


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody who asked for a code needs to know."""

    challenge_id: UUID
    expires_in: timedelta
    resend_after: timedelta


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who was let in, and what they can show for it."""

    user: User
    tokens: Tokens


@transaction.atomic
def request_code(
    *, email: str, ip: str | None, user_agent: str, now: datetime
) -> Asked:
    """Send a new code to an address; whether a user has it is not even looked up.

    An older code of the address is good for nothing from now on. Raises RateLimited
    above settings.CODES_PER_HOUR of one address, counted here, not in Redis.
    """
    _lock_address(email)
    _count_codes(email, now)
    challenges = Challenge.objects.to_address(email, Challenge.Purpose.LOGIN)
    challenges.live().update(superseded_at=now)
    code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
    challenge = Challenge(
        purpose=Challenge.Purpose.LOGIN,
        email=email,
        max_attempts=MAX_ATTEMPTS,
        created_at=now,
        expires_at=now + CODE_LIFETIME,
        ip=ip,
        user_agent=user_agent,
    )
    challenge.code_hmac = _hash(challenge.id, code)
    challenge.save(force_insert=True)
    emit(
        SignInCodeRequested(
            challenge_id=challenge.id,
            email=email,
            sealed_code=seal(code),
            expires_at=challenge.expires_at,
        )
    )
    log.info("sign-in code requested", extra={"challenge_id": str(challenge.id)})
    return Asked(challenge.id, CODE_LIFETIME, RESEND_AFTER)


def verify_code(
    *,
    challenge_id: UUID,
    code: str,
    ip: str | None,
    user_agent: str,
    now: datetime,
) -> SignedIn:
    """Let in who tells the code; an address without a user becomes one now.

    The attempt is committed before the code is looked at, so that no refusal, crash or
    race takes it back. Raises CodeInvalid, CodeExpired, TooManyAttempts or
    AccountDeactivated.
    """
    challenge = _count_attempt(challenge_id, now)
    if not hmac.compare_digest(bytes(challenge.code_hmac), _hash(challenge.id, code)):
        raise CodeInvalid
    return _let_in(challenge, ip=ip, user_agent=user_agent, now=now)


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


def _count_codes(email: str, now: datetime) -> None:
    challenges = Challenge.objects.to_address(email, Challenge.Purpose.LOGIN)
    times = list(
        challenges.filter(created_at__gt=now - WINDOW)
        .order_by("-created_at")
        .values_list("created_at", flat=True)[: settings.CODES_PER_HOUR]
    )
    if len(times) >= settings.CODES_PER_HOUR:
        wait = times[-1] + WINDOW - now
        raise RateLimited(headers={"Retry-After": str(int(wait.total_seconds()) + 1)})


def _hash(challenge_id: UUID, code: str) -> bytes:
    return hmac.digest(
        settings.CODE_PEPPER.encode(),
        challenge_id.bytes + code.encode(),
        hashlib.sha256,
    )


def _count_attempt(challenge_id: UUID, now: datetime) -> Challenge:
    with transaction.atomic(durable=True):
        counted = list(
            Challenge.objects.raw(
                COUNT_ATTEMPT,
                {"id": challenge_id, "purpose": Challenge.Purpose.LOGIN, "now": now},
            )
        )
    if not counted:
        raise _reason_against(challenge_id, now)
    return counted[0]


def _reason_against(
    challenge_id: UUID, now: datetime
) -> CodeInvalid | CodeExpired | TooManyAttempts:
    challenge = Challenge.objects.live().filter(id=challenge_id).first()
    if challenge is None:
        return CodeInvalid()
    if challenge.expires_at <= now:
        return CodeExpired()
    return TooManyAttempts()


@transaction.atomic
def _let_in(
    challenge: Challenge, *, ip: str | None, user_agent: str, now: datetime
) -> SignedIn:
    # Of two who tell the right code at once, one finds it used.
    used = Challenge.objects.live().filter(id=challenge.id).update(consumed_at=now)
    if not used:
        raise CodeInvalid
    user = find_or_create_user(email=challenge.email, actor_id=None)
    if not user.is_active:
        raise AccountDeactivated
    user.last_login = now
    user.save(update_fields=["last_login"])
    tokens = open_session(user=user, ip=ip, user_agent=user_agent, now=now)
    return SignedIn(user, tokens)


COUNT_ATTEMPT = """
update accounts_challenge
set attempts = attempts + 1
where id = %(id)s and purpose = %(purpose)s
    and consumed_at is null and superseded_at is null
    and attempts < max_attempts and expires_at > %(now)s
returning *
"""

"""People move to another e-mail address: whoever reads its mail proves that it is theirs."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.errors import EmailTaken
from accounts.models import AuditEntry, Challenge, Session, User
from accounts.services.auditing import record
from accounts.services.challenges import (
    Asked,
    answer_challenge,
    consume_challenge,
    issue_challenge,
)
from accounts.services.profiles import lock_active_user
from accounts.services.sessions import end_sessions
from opencore.events.user.v1 import UserEmailChanged
from outbox.publishing import emit

log = logging.getLogger(__name__)

UNIQUE_ADDRESS = "accounts_user_email_unique"


def request_email_change(
    *, user_id: UUID, email: str, ip: str | None, user_agent: str, now: datetime
) -> Asked:
    """Send a code to a new address, whether somebody has it or nobody.

    It is good for this person alone. Raises RateLimited if codes were asked for too
    often, SignInLocked if they were guessed.
    """
    return issue_challenge(
        purpose=Challenge.Purpose.EMAIL_CHANGE,
        email=email,
        user_id=user_id,
        ip=ip,
        user_agent=user_agent,
        now=now,
    )


def change_email(
    *,
    user_id: UUID,
    challenge_id: UUID,
    code: str,
    kept_session_id: UUID,
    actor_id: UUID,
    now: datetime,
) -> User:
    """Give a person the address whose code they tell; they stay signed in here alone.

    Raises CodeInvalid, CodeExpired, TooManyAttempts, SignInLocked, EmailTaken, or
    TokenInvalid for who may act no more.
    """
    challenge = answer_challenge(
        challenge_id=challenge_id,
        purpose=Challenge.Purpose.EMAIL_CHANGE,
        code=code,
        user_id=user_id,
        now=now,
    )
    with transaction.atomic():
        user = lock_active_user(user_id)
        consume_challenge(challenge=challenge, now=now)
        previous = user.email
        _move(user, challenge.email, now)
        record(
            AuditEntry.Action.USER_EMAIL_CHANGED,
            target_id=user.id,
            actor_id=actor_id,
            personal={"previous_email": previous, "email": user.email},
        )
        emit(UserEmailChanged(user_id=user.id, email=user.email, version=user.version))
        _end_what_the_old_one_opened(user, kept_session_id, actor_id, now)
    log.info("address changed", extra={"user_id": str(user.id)})
    return user


def _move(user: User, email: str, now: datetime) -> None:
    user.email, user.email_verified_at = email, now
    user.version += 1
    try:
        with transaction.atomic():
            user.save(update_fields=["email", "email_verified_at", "version"])
    except IntegrityError as error:
        diagnosis = getattr(error.__cause__, "diag", None)
        if getattr(diagnosis, "constraint_name", None) != UNIQUE_ADDRESS:
            raise
        raise EmailTaken from error


def _end_what_the_old_one_opened(
    user: User, kept_session_id: UUID, actor_id: UUID, now: datetime
) -> None:
    Challenge.objects.live().filter(user_id=user.id).update(superseded_at=now)
    end_sessions(
        user_id=user.id,
        kept_id=kept_session_id,
        reason=Session.RevokeReason.EMAIL_CHANGED,
        actor_id=actor_id,
        now=now,
    )

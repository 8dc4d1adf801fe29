"""Operators sign in to the admin: by password, then mailed code, then authenticator."""

import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import selectors
from accounts.models import (
    AuditEntry,
    Authenticator,
    Challenge,
    RecoveryCode,
    Session,
    User,
)
from accounts.services.auditing import record
from accounts.services.challenges import Asked, issue_challenge, redeem_challenge
from accounts.services.locking import begin_guess
from accounts.services.second_factor import answer_factor, use_factor
from accounts.services.sessions import end_sessions
from opencore.events.user.v1 import AuthenticatorRemoved
from outbox.publishing import emit

log = logging.getLogger(__name__)


def begin_operator_sign_in(
    *, user: User, ip: str | None, user_agent: str, now: datetime
) -> Asked:
    """Mail a code to an operator who told their password.

    Raises RateLimited if codes were asked for too often, SignInLocked if guessed.
    """
    return issue_challenge(
        purpose=Challenge.Purpose.ADMIN_LOGIN,
        email=user.email,
        user_id=user.id,
        ip=ip,
        user_agent=user_agent,
        now=now,
    )


def tell_operator_code(
    *, user_id: UUID, challenge_id: UUID, code: str, now: datetime
) -> bool:
    """Use up the mailed code; tell whether an authenticator is still to be added.

    Raises CodeInvalid, CodeExpired, TooManyAttempts or SignInLocked.
    """
    redeem_challenge(
        challenge_id=challenge_id,
        purpose=Challenge.Purpose.ADMIN_LOGIN,
        code=code,
        user_id=user_id,
        now=now,
    )
    return selectors.confirmed_authenticator(user_id=user_id) is None


def prove_operator(*, user: User, code: str, now: datetime) -> None:
    """Use up a code of an operator's second factor; raises CodeInvalid, SignInLocked."""
    begin_guess(email=user.email, now=now)
    proof = answer_factor(user_id=user.id, email=user.email, code=code, now=now)
    use_factor(proof=proof, now=now)


@transaction.atomic
def note_operator_sign_in(*, user: User) -> None:
    """Note that an operator is in the admin now."""
    record(AuditEntry.Action.ADMIN_SIGNED_IN, target_id=user.id, actor_id=user.id)
    log.info("operator signed in", extra={"user_id": str(user.id)})


@transaction.atomic
def forget_factors(*, user_id: UUID, actor_id: UUID | None, now: datetime) -> int:
    """Ask a person for no second factor any more; return how many they had.

    For who lost phone and recovery codes, where nobody else can help. All their sessions
    end, and they are told.
    """
    user = User.objects.select_for_update(no_key=True).get(id=user_id)
    RecoveryCode.objects.filter(user=user).delete()
    authenticators = list(Authenticator.objects.filter(user=user))
    for authenticator in authenticators:
        authenticator_id = authenticator.id
        authenticator.delete()
        record(
            AuditEntry.Action.AUTHENTICATOR_REMOVED,
            target_id=authenticator_id,
            actor_id=actor_id,
        )
        emit(AuthenticatorRemoved(user_id=user.id, authenticator_id=authenticator_id))
    if authenticators:
        end_sessions(
            user_id=user_id,
            reason=Session.RevokeReason.FACTORS_CHANGED,
            actor_id=actor_id,
            now=now,
        )
    return len(authenticators)

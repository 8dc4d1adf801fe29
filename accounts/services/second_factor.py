"""Proving oneself by a second factor: a code of an app, or one that stands in for it.

A guess is counted and committed before the code is looked at, as with mailed codes, and
counts against the same address. A code is good once: whoever uses it first has it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.db.models import Q

from accounts import selectors
from accounts.errors import CodeInvalid, MfaRequired
from accounts.models import AuditEntry, Authenticator, RecoveryCode, Session
from accounts.services.auditing import record
from accounts.services.locking import settle_guess
from accounts.services.totp import step_of
from opencore.events.user.v1 import RecoveryCodeUsed
from opencore.sealing import unseal
from outbox.publishing import emit

TOTP_DIGITS = 6
PREFIX = 4


@dataclass(frozen=True, slots=True)
class FactorProof:
    """A right code, which is still to be used up: of a step of time, or a recovery code.

    `source_id` is the authenticator, or the recovery code.
    """

    user_id: UUID
    source_id: UUID
    step: int | None = None


def answer_factor(
    *, user_id: UUID, email: str, code: str, now: datetime
) -> FactorProof:
    """Return what a person's code proves; it still has to be used.

    To be called with the guess counted, and outside of a transaction. Raises CodeInvalid
    for a wrong code and for one that was used.
    """
    proof = _proof_by(user_id, plain(code), now)
    settle_guess(email=email, right=proof is not None, now=now)
    if proof is None:
        raise CodeInvalid
    return proof


@transaction.atomic
def use_factor(*, proof: FactorProof, now: datetime) -> None:
    """Use up a code; raises CodeInvalid if somebody did meanwhile.

    To be called in the transaction of what the code was told for.
    """
    if proof.step is None:
        used = _use_recovery_code(proof.source_id, proof.user_id, now)
    else:
        used = _use_step(proof.source_id, proof.step, now)
    if not used:
        raise CodeInvalid


def require_two_factors(*, user_id: UUID, session_id: UUID) -> None:
    """Raise MfaRequired unless the person proved two factors in this session."""
    sessions = Session.objects.filter(id=session_id, user_id=user_id, revoked_at=None)
    if not sessions.filter(assurance__gte=2).exists():
        raise MfaRequired


def plain(code: str) -> str:
    """Return a code without what makes it easier to read."""
    return "".join(code.split()).replace("-", "").lower()


def _proof_by(user_id: UUID, code: str, now: datetime) -> FactorProof | None:
    authenticator = selectors.confirmed_authenticator(user_id=user_id)
    if authenticator is None:
        return None
    if len(code) != TOTP_DIGITS:
        return _recovered_by(user_id, code)
    step = step_of(unseal(authenticator.sealed_secret), code, now=now)
    if step is None or step <= (authenticator.last_counter or 0):
        return None
    return FactorProof(user_id, authenticator.id, step)


def _recovered_by(user_id: UUID, code: str) -> FactorProof | None:
    unused = selectors.unused_recovery_codes(user_id=user_id)
    found = unused.filter(prefix=code[:PREFIX]).first()
    if found is None or not check_password(code, found.code_hash):
        return None
    return FactorProof(user_id, found.id)


def _use_step(authenticator_id: UUID, step: int, now: datetime) -> bool:
    older = Q(last_counter=None) | Q(last_counter__lt=step)
    mine = Authenticator.objects.filter(id=authenticator_id).exclude(confirmed_at=None)
    used = mine.filter(older).update(last_counter=step, last_used_at=now)
    return bool(used)


def _use_recovery_code(code_id: UUID, user_id: UUID, now: datetime) -> bool:
    code = RecoveryCode.objects.filter(id=code_id, used_at=None)
    if not code.update(used_at=now):
        return False
    left = selectors.unused_recovery_codes(user_id=user_id).count()
    record(
        AuditEntry.Action.RECOVERY_CODE_USED,
        target_id=user_id,
        actor_id=user_id,
        left=str(left),
    )
    emit(RecoveryCodeUsed(user_id=user_id, left=left))
    return True

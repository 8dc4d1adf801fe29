"""Stepping up: who is signed in proves anew who they are, and the session goes on.

By a code that is mailed to their own address; who has an authenticator by that alone.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts import selectors
from accounts.errors import MfaRequired, SessionEnded
from accounts.models import AuditEntry, Challenge, Session, User
from accounts.services.auditing import record
from accounts.services.challenges import (
    Asked,
    answer_challenge,
    consume_challenge,
    issue_challenge,
)
from accounts.services.locking import begin_guess
from accounts.services.profiles import lock_active_user
from accounts.services.second_factor import answer_factor, use_factor
from accounts.services.sessions import (
    BY_CODE,
    BY_TWO_FACTORS,
    Bearer,
    Tokens,
    mint_tokens,
    prove_anew,
)
from opencore.errors import FieldProblem, ValidationFailed

log = logging.getLogger(__name__)

BY_MAIL = ("email",)


@dataclass(frozen=True, slots=True)
class StepUpAsked:
    """By what a person can step up; and the code, if one was mailed."""

    factors: tuple[str, ...]
    mailed: Asked | None = None


def begin_step_up(
    *, user_id: UUID, ip: str | None, user_agent: str, now: datetime
) -> StepUpAsked:
    """Mail a code to a person's own address, unless they have a second factor.

    Raises RateLimited if codes were asked for too often, SignInLocked if guessed.
    """
    user = selectors.get_active_user(user_id=user_id)
    factors = selectors.factors_of(user_id=user_id)
    if factors:
        return StepUpAsked(factors)
    mailed = issue_challenge(
        purpose=Challenge.Purpose.STEP_UP,
        email=user.email,
        user_id=user_id,
        ip=ip,
        user_agent=user_agent,
        now=now,
    )
    return StepUpAsked(BY_MAIL, mailed)


def finish_step_up(
    *,
    user_id: UUID,
    session_id: UUID,
    challenge_id: UUID | None,
    code: str,
    now: datetime,
) -> Tokens:
    """Give new tokens of the same session to who told the right code.

    Raises MfaRequired for a mailed code where a second factor is asked for, SessionEnded,
    and as codes do: CodeInvalid, CodeExpired, TooManyAttempts, SignInLocked.
    """
    user = selectors.get_active_user(user_id=user_id)
    if selectors.confirmed_authenticator(user_id=user_id) is None:
        return _by_mail(user, session_id, challenge_id, code, now)
    if challenge_id is not None:
        raise MfaRequired
    return _by_factor(user, session_id, code, now)


def _by_mail(
    user: User,
    session_id: UUID,
    challenge_id: UUID | None,
    code: str,
    now: datetime,
) -> Tokens:
    if challenge_id is None:
        problem = FieldProblem("/challenge_id", "required", "Name the mailed code.")
        raise ValidationFailed(errors=(problem,))
    challenge = answer_challenge(
        challenge_id=challenge_id,
        purpose=Challenge.Purpose.STEP_UP,
        code=code,
        user_id=user.id,
        now=now,
    )
    with transaction.atomic():
        lock_active_user(user.id)
        if selectors.confirmed_authenticator(user_id=user.id) is not None:
            raise MfaRequired
        consume_challenge(challenge=challenge, now=now)
        return _go_on(user, session_id, BY_CODE, now)


def _by_factor(user: User, session_id: UUID, code: str, now: datetime) -> Tokens:
    begin_guess(email=user.email, now=now)
    proof = answer_factor(user_id=user.id, email=user.email, code=code, now=now)
    with transaction.atomic():
        lock_active_user(user.id)
        use_factor(proof=proof, now=now)
        return _go_on(user, session_id, BY_TWO_FACTORS, now)


def _go_on(
    user: User, session_id: UUID, methods: Sequence[str], now: datetime
) -> Tokens:
    proved = prove_anew(
        session_id=session_id, user_id=user.id, methods=methods, now=now
    )
    if not proved:
        raise SessionEnded
    session = Session.objects.get(id=session_id)
    record(
        AuditEntry.Action.SESSION_STEPPED_UP,
        target_id=session_id,
        actor_id=user.id,
        assurance=str(session.assurance),
    )
    log.info("session stepped up", extra={"session_id": str(session_id)})
    bearer = Bearer(
        role=user.role,
        org_ids=_organizations_of(session),
        assurance=session.assurance,
        methods=methods,
        authenticated_at=now,
    )
    # Of the same generation: the refresh token that the client has stays good.
    return mint_tokens(user.id, session_id, session.generation, bearer=bearer, now=now)


def _organizations_of(session: Session) -> list[UUID]:
    chosen = selectors.organization_worked_in(session=session)
    others = selectors.organization_ids_of(user_id=session.user_id)
    return others if chosen is None else list(dict.fromkeys([chosen, *others]))

"""Sessions: opened by a sign-in, and ended once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import AuditEntry, Impersonation, Session, User
from accounts.selectors import organization_ids_of
from accounts.services.auditing import record
from accounts.services.devices import label_of
from accounts.services.revoking import refuse_tokens_of_sessions
from opencore.events.user.v1 import ImpersonationEnded, SessionRevoked
from opencore.tenancy import enter_user
from opencore.tokens import TokenExpired, mint_access, mint_refresh, read_refresh
from outbox.publishing import emit, emit_all

log = logging.getLogger(__name__)

IDLE_LIFETIME = timedelta(days=7)
LIFETIME = timedelta(days=30)
# By what people prove who they are, in words of RFC 8176.
BY_CODE = ("otp",)
BY_TWO_FACTORS = ("otp", "mfa")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client shows with each request, and what it renews that with."""

    access_token: str
    refresh_token: str
    expires_in: timedelta


@dataclass(frozen=True, slots=True)
class Bearer:
    """What an access token says of its bearer, as it is while the token is made."""

    role: str
    org_ids: Sequence[UUID]
    assurance: int
    methods: Sequence[str]
    authenticated_at: datetime | None
    impersonator_id: UUID | None = None
    read_only: bool = False


def open_session(
    *,
    user: User,
    ip: str | None,
    user_agent: str,
    now: datetime,
    methods: Sequence[str] = BY_CODE,
) -> Tokens:
    """Open a session, in the transaction in which somebody proved who they are."""
    enter_user(user.id)
    session = Session.objects.create(
        user=user,
        created_at=now,
        rotated_at=now,
        last_seen_at=now,
        authenticated_at=now,
        assurance=assurance_by(methods),
        methods=list(methods),
        idle_expires_at=now + IDLE_LIFETIME,
        expires_at=now + LIFETIME,
        ip=ip,
        user_agent=user_agent,
        device_label=label_of(user_agent),
    )
    record(AuditEntry.Action.SESSION_CREATED, target_id=session.id, actor_id=user.id)
    log.info("session opened", extra=names_of(session))
    bearer = Bearer(
        role=user.role,
        org_ids=organization_ids_of(user_id=user.id),
        assurance=session.assurance,
        methods=methods,
        authenticated_at=now,
    )
    return mint_tokens(user.id, session.id, session.generation, bearer=bearer, now=now)


def assurance_by(methods: Sequence[str]) -> int:
    """Return how sure it is who somebody is who proved it by these methods."""
    return 2 if "mfa" in methods else 1


def prove_anew(
    *, session_id: UUID | None, user_id: UUID, methods: Sequence[str], now: datetime
) -> bool:
    """Note that a person proved once more who they are; tell whether they still may."""
    if session_id is None:
        return False
    mine = Session.objects.filter(id=session_id, user_id=user_id, revoked_at=None)
    return bool(
        mine.filter(idle_expires_at__gt=now).update(
            authenticated_at=now,
            assurance=assurance_by(methods),
            methods=list(methods),
        )
    )


def log_out(*, refresh_token: str, now: datetime) -> None:
    """End the session that a refresh token belongs to; twice is once."""
    try:
        claims = read_refresh(refresh_token)
    except TokenExpired:
        return
    enter_user(claims.user_id)
    end_sessions(
        user_id=claims.user_id,
        session_id=claims.session_id,
        reason=Session.RevokeReason.LOGOUT,
        actor_id=claims.user_id,
        now=now,
    )


@transaction.atomic
def end_sessions(
    *,
    user_id: UUID,
    session_id: UUID | None = None,
    kept_id: UUID | None = None,
    reason: Session.RevokeReason,
    actor_id: UUID | None,
    now: datetime,
) -> int:
    """End all of a user's sessions, or the one named, or all but the one that is kept.

    With all end those, too, in which the user acts as others. Returns how many were
    alive. Gateways refuse the access tokens that are out already.
    """
    named = {
        "user_id": user_id,
        "session_id": session_id,
        "kept_id": kept_id,
        "reason": reason,
        "now": now,
    }
    ended = list(Session.objects.raw(END, named))
    if session_id is None:
        ended += Session.objects.raw(END_ACTING, named)
    emit_all(
        [
            SessionRevoked(
                user_id=session.user_id, session_id=session.id, reason=reason.value
            )
            for session in ended
        ]
    )
    for session in ended:
        record(
            AuditEntry.Action.SESSION_REVOKED,
            target_id=session.id,
            actor_id=actor_id,
            reason=reason.value,
        )
        if session.impersonator_id is not None:
            _end_impersonation(session, actor_id, now)
        log.info("session ended", extra={**names_of(session), "reason": reason.value})
    refuse_tokens_of_sessions(ended)
    return len(ended)


def _end_impersonation(session: Session, actor_id: UUID | None, now: datetime) -> None:
    acting = Impersonation.objects.filter(session_id=session.id, ended_at=None).first()
    if acting is None:
        return
    acting.ended_at = min(now, acting.expires_at)
    acting.save(update_fields=["ended_at"])
    record(
        AuditEntry.Action.IMPERSONATION_ENDED,
        target_id=acting.id,
        actor_id=actor_id,
        on_behalf_of=acting.user_id if actor_id != acting.user_id else None,
    )
    emit(
        ImpersonationEnded(
            user_id=acting.user_id,
            impersonation_id=acting.id,
            impersonator_id=acting.impersonator_id,
            ended_at=acting.ended_at,
        )
    )


def mint_tokens(
    user_id: UUID, session_id: UUID, generation: int, *, bearer: Bearer, now: datetime
) -> Tokens:
    """Return a session's tokens of one generation, as they are made now."""
    return Tokens(
        access_token=mint_access(
            user_id=user_id,
            session_id=session_id,
            role=bearer.role,
            org_ids=bearer.org_ids,
            proof=bearer,
            now=now,
        ),
        refresh_token=mint_refresh(
            user_id=user_id, session_id=session_id, generation=generation, now=now
        ),
        expires_in=settings.ACCESS_TOKEN_LIFETIME,
    )


def names_of(session: Session) -> dict[str, str]:
    """Return by what a line of the log names a session."""
    return {"session_id": str(session.id), "user_id": str(session.user_id)}


END = """
update accounts_session
set revoked_at = %(now)s, revoke_reason = %(reason)s
where user_id = %(user_id)s and revoked_at is null
    and (%(session_id)s::uuid is null or id = %(session_id)s)
    and id is distinct from %(kept_id)s::uuid
returning *
"""
END_ACTING = """
update accounts_session s
set revoked_at = %(now)s, revoke_reason = %(reason)s
from accounts_impersonation i
where i.impersonator_id = %(user_id)s and i.ended_at is null
    and s.id = i.session_id and s.revoked_at is null
returning s.*
"""

"""Sessions: opened by a sign-in, renewed by the newest token alone, ended once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts.errors import RefreshRaced, RefreshReused, SessionEnded
from accounts.models import AuditEntry, Session, User
from accounts.selectors import organization_ids_of
from accounts.services.auditing import record
from accounts.services.revoking import refuse_tokens_of_sessions
from opencore.claims import RefreshClaims
from opencore.errors import DomainError
from opencore.events.user.v1 import SessionRevoked
from opencore.tokens import (
    MOST_ORGANIZATIONS,
    TokenExpired,
    TokenInvalid,
    mint_access,
    mint_refresh,
    read_refresh,
)
from outbox.publishing import emit

log = logging.getLogger(__name__)

IDLE_LIFETIME = timedelta(days=7)
LIFETIME = timedelta(days=30)
# Tabs and retries of one client may refresh at once. Within this time the last token's
# reuse is refused, but is no theft yet.
RACE = timedelta(seconds=2)


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


def open_session(
    *, user: User, ip: str | None, user_agent: str, now: datetime
) -> Tokens:
    """Open a session, in the transaction in which somebody proved who they are."""
    session = Session.objects.create(
        user=user,
        created_at=now,
        rotated_at=now,
        idle_expires_at=now + IDLE_LIFETIME,
        expires_at=now + LIFETIME,
        ip=ip,
        user_agent=user_agent,
    )
    record(AuditEntry.Action.SESSION_CREATED, target_id=session.id, actor_id=user.id)
    log.info("session opened", extra=_names(session))
    bearer = Bearer(user.role, organization_ids_of(user_id=user.id))
    return _mint(user.id, session.id, session.generation, bearer=bearer, now=now)


def refresh_session(*, refresh_token: str, now: datetime) -> Tokens:
    """Give new tokens for the newest refresh token; of many uses one succeeds.

    A token that was used before ends its session, RefreshReused, for then two hold it
    and one of them stole it. Right after its use it is only refused, RefreshRaced.
    Raises SessionEnded, TokenExpired or TokenInvalid for what is no use any more.
    """
    claims = read_refresh(refresh_token)
    with transaction.atomic(durable=True):
        bearer = _renew(claims, now)
    if bearer is None:
        raise _reason_against(claims, now)
    return _mint(
        claims.user_id, claims.session_id, claims.generation + 1, bearer=bearer, now=now
    )


def log_out(*, refresh_token: str, now: datetime) -> None:
    """End the session that a refresh token belongs to; twice is once."""
    try:
        claims = read_refresh(refresh_token)
    except TokenExpired:
        return
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
    reason: Session.RevokeReason,
    actor_id: UUID | None,
    now: datetime,
) -> int:
    """End all of a user's sessions, or the one named; return how many were alive.

    Gateways refuse the access tokens that are out already.
    """
    ended = list(
        Session.objects.raw(
            END,
            {
                "user_id": user_id,
                "session_id": session_id,
                "reason": reason,
                "now": now,
            },
        )
    )
    for session in ended:
        record(
            AuditEntry.Action.SESSION_REVOKED,
            target_id=session.id,
            actor_id=actor_id,
            reason=reason.value,
        )
        emit(
            SessionRevoked(user_id=user_id, session_id=session.id, reason=reason.value)
        )
        log.info("session ended", extra={**_names(session), "reason": reason.value})
    refuse_tokens_of_sessions(ended)
    return len(ended)


def _renew(claims: RefreshClaims, now: datetime) -> Bearer | None:
    # One statement decides who wins, and asks whether the user may still sign in.
    with connection.cursor() as cursor:
        cursor.execute(
            RENEW,
            {
                "id": claims.session_id,
                "user_id": claims.user_id,
                "generation": claims.generation,
                "now": now,
                "idle_expires_at": now + IDLE_LIFETIME,
                "most": MOST_ORGANIZATIONS,
            },
        )
        renewed = cursor.fetchone()
    return None if renewed is None else Bearer(*renewed)


def _reason_against(claims: RefreshClaims, now: datetime) -> DomainError:
    session = Session.objects.filter(
        id=claims.session_id, user_id=claims.user_id
    ).first()
    if session is None or claims.generation > session.generation:
        return TokenInvalid()
    if session.revoked_at is not None:
        return SessionEnded()
    if not session.is_live(now):
        return TokenExpired()
    if claims.generation == session.generation:
        # The session is alive and the token is its newest: the user is not active.
        return SessionEnded()
    if claims.generation == session.generation - 1 and now - session.rotated_at <= RACE:
        return RefreshRaced()
    with transaction.atomic(durable=True):
        end_sessions(
            user_id=session.user_id,
            session_id=session.id,
            reason=Session.RevokeReason.REFRESH_REUSED,
            actor_id=None,
            now=now,
        )
    log.warning("refresh token reused", extra=_names(session))
    return RefreshReused()


def _mint(
    user_id: UUID, session_id: UUID, generation: int, *, bearer: Bearer, now: datetime
) -> Tokens:
    return Tokens(
        access_token=mint_access(
            user_id=user_id,
            session_id=session_id,
            role=bearer.role,
            org_ids=bearer.org_ids,
            now=now,
        ),
        refresh_token=mint_refresh(
            user_id=user_id, session_id=session_id, generation=generation, now=now
        ),
        expires_in=settings.ACCESS_TOKEN_LIFETIME,
    )


def _names(session: Session) -> dict[str, str]:
    return {"session_id": str(session.id), "user_id": str(session.user_id)}


RENEW = """
update accounts_session s
set generation = s.generation + 1, rotated_at = %(now)s,
    idle_expires_at = least(%(idle_expires_at)s, s.expires_at)
from accounts_user u
where s.id = %(id)s and s.user_id = %(user_id)s and s.generation = %(generation)s
    and s.revoked_at is null and s.idle_expires_at > %(now)s
    and u.id = s.user_id and u.is_active
returning u.role, array(
    select organization_id from accounts_membership m
    where m.user_id = u.id order by m.created_at, m.id limit %(most)s
)
"""

END = """
update accounts_session
set revoked_at = %(now)s, revoke_reason = %(reason)s
where user_id = %(user_id)s and revoked_at is null
    and (%(session_id)s::uuid is null or id = %(session_id)s)
returning *
"""

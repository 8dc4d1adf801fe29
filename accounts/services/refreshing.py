"""Sessions are renewed by their newest token alone; a copy of an older one ends them."""

import logging
from datetime import datetime, timedelta
from typing import cast

from django.db import connection, transaction

from accounts.errors import RefreshReused, SessionEnded
from accounts.models import Session
from accounts.services.sessions import (
    IDLE_LIFETIME,
    Bearer,
    Tokens,
    end_sessions,
    mint_tokens,
    names_of,
)
from opencore.claims import RefreshClaims
from opencore.errors import DomainError
from opencore.postgresql.base import DatabaseWrapper
from opencore.tenancy import enter_user
from opencore.tokens import (
    MOST_ORGANIZATIONS,
    TokenExpired,
    TokenInvalid,
    read_refresh,
)

log = logging.getLogger(__name__)

# Tabs and retries of one client may refresh at once, and answers are lost: for so long
# the last token stands in for the newest, and no longer.
GRACE = timedelta(seconds=10)


def refresh_session(*, refresh_token: str, now: datetime) -> Tokens:
    """Give new tokens for the newest refresh token; many uses at once renew it once.

    Within ten seconds of its use the token before the newest gets the newest, too. Any
    other that was used before ends its session, RefreshReused, for then two hold it and
    one of them stole it. Raises SessionEnded, TokenExpired or TokenInvalid for what is
    no use any more.
    """
    claims = read_refresh(refresh_token)
    enter_user(claims.user_id)
    with cast("DatabaseWrapper", connection).one_statement():
        bearer = _bearer_by(RENEW, claims, now)
    generation = claims.generation + 1
    if bearer is None:
        bearer = _bearer_by(STAND_IN, claims, now)
    if bearer is None:
        raise _reason_against(claims, now)
    return mint_tokens(
        claims.user_id, claims.session_id, generation, bearer=bearer, now=now
    )


def _bearer_by(statement: str, claims: RefreshClaims, now: datetime) -> Bearer | None:
    with cast("DatabaseWrapper", connection).prepared() as cursor:
        cursor.execute(
            statement,
            {
                "id": claims.session_id,
                "user_id": claims.user_id,
                "generation": claims.generation,
                "now": now,
                "idle_expires_at": now + IDLE_LIFETIME,
                "grace": GRACE.total_seconds(),
                "most": MOST_ORGANIZATIONS,
            },
        )
        found = cursor.fetchone()
    return None if found is None else Bearer(*found)


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
    with transaction.atomic(durable=True):
        end_sessions(
            user_id=session.user_id,
            session_id=session.id,
            reason=Session.RevokeReason.REFRESH_REUSED,
            actor_id=None,
            now=now,
        )
    log.warning("refresh token reused", extra=names_of(session))
    return RefreshReused()


# The organization that the person works in comes first, so that it is always named. A
# statement that stays prepared must answer in types that no migration changes.
_BEARER = """
u.role::text, array(
    select m.organization_id
    from accounts_membership m join accounts_organization o on o.id = m.organization_id
    where m.user_id = u.id and m.status = 'active' and o.status <> 'deleted'
    order by m.organization_id is distinct from s.organization_id, m.created_at, m.id
    limit %(most)s
), s.assurance::int, s.methods::text[], s.authenticated_at, s.impersonator_id, coalesce((
    select i.read_only from accounts_impersonation i where i.session_id = s.id
), false)
"""

_LIVE = """
s.id = %(id)s and s.user_id = %(user_id)s
and s.revoked_at is null and s.idle_expires_at > %(now)s
and u.id = s.user_id and u.is_active
"""

# One statement decides who wins, and asks whether the user may still sign in. The
# database's clock measures the grace: those of clients and machines differ, and the
# transaction's stands still while it waits for the winner.
RENEW = f"""
update accounts_session s
set generation = s.generation + 1, rotated_at = clock_timestamp(),
    last_seen_at = %(now)s,
    idle_expires_at = least(%(idle_expires_at)s, s.expires_at)
from accounts_user u
where {_LIVE} and s.generation = %(generation)s
returning {_BEARER}
"""  # noqa: S608 -- made of constants

STAND_IN = f"""
select {_BEARER}
from accounts_session s, accounts_user u
where {_LIVE} and s.generation = %(generation)s + 1
    and clock_timestamp() - s.rotated_at <= make_interval(secs => %(grace)s)
"""  # noqa: S608 -- made of constants

"""Gateways refuse the access tokens of ended sessions at once.

Redis is told after the commit, and again every half a minute for as long as the tokens
would be good, so that one that was away or came back empty hears of it, too.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import selectors
from accounts.models import Session
from opencore.revocations import RevocationsUnavailable, revoke
from opencore.revoked import Revocation, of_session, of_user

log = logging.getLogger(__name__)

# Clocks of different machines are this close to each other.
CLOCKS_DIFFER = timedelta(seconds=30)
# Who is gone in such a way holds no token of any session.
GONE = frozenset({Session.RevokeReason.DEACTIVATED, Session.RevokeReason.ERASED})


def refuse_tokens_of_sessions(sessions: Sequence[Session]) -> None:
    """Let gateways refuse the tokens of ended sessions once that is committed."""
    if sessions:
        transaction.on_commit(partial(_tell, list(_revocations_of(sessions))))


def refuse_tokens_of_user(user_id: UUID, *, issued_before: datetime) -> None:
    """Let gateways refuse what a user holds, also of a sign-in that just goes on."""
    transaction.on_commit(partial(_tell, [_of_user(user_id, issued_before)]))


def republish_revocations(*, now: datetime) -> int:
    """Tell Redis of all whose tokens would still be good; return how many it lacked.

    Raises RevocationsUnavailable.
    """
    sessions = selectors.sessions_revoked_since(since=now - _longest_life())
    return revoke(_revocations_of(sessions.iterator()))


def _revocations_of(sessions: Iterable[Session]) -> Iterator[Revocation]:
    for session in sessions:
        if session.revoked_at is None:
            continue
        yield of_session(session.id, until=session.revoked_at + _longest_life())
        if session.revoke_reason in GONE:
            yield _of_user(session.user_id, session.revoked_at)


def _of_user(user_id: UUID, issued_before: datetime) -> Revocation:
    until = issued_before + _longest_life()
    return of_user(user_id, issued_before=issued_before, until=until)


def _longest_life() -> timedelta:
    lifetime: timedelta = settings.ACCESS_TOKEN_LIFETIME
    return lifetime + CLOCKS_DIFFER


def _tell(revocations: Sequence[Revocation]) -> None:
    try:
        revoke(revocations)
    except RevocationsUnavailable as error:
        log.warning(
            "gateways were not told of ended sessions", extra={"reason": str(error)}
        )

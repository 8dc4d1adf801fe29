"""Gateways refuse the access tokens of ended sessions, and ended API keys, at once.

Redis is told after the commit, and again every half a minute for as long as the tokens
would be good, so that one that was away or came back empty hears of it, too.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import selectors
from accounts.models import ApiKey, Session
from opencore.revocations import RevocationsUnavailable, revoke
from opencore.revoked import Revocation, of_api_key, of_session, of_user

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


def refuse_api_keys(keys: Sequence[ApiKey]) -> None:
    """Let gateways that remember a key forget it once that is committed."""
    if keys:
        transaction.on_commit(partial(_tell, list(_revocations_of_keys(keys))))


def republish_revocations(*, now: datetime) -> int:
    """Tell Redis of all whose tokens would still be good; return how many it lacked.

    Raises RevocationsUnavailable.
    """
    since = now - _longest_life()
    sessions = selectors.sessions_revoked_since(since=since)
    keys = selectors.api_keys_revoked_since(since=since)
    return revoke(
        chain(
            _revocations_of(sessions.iterator()), _revocations_of_keys(keys.iterator())
        )
    )


def _revocations_of(sessions: Iterable[Session]) -> Iterator[Revocation]:
    for session in sessions:
        if session.revoked_at is None:
            continue
        yield of_session(session.id, until=session.revoked_at + _longest_life())
        if session.revoke_reason in GONE:
            yield _of_user(session.user_id, session.revoked_at)


def _revocations_of_keys(keys: Iterable[ApiKey]) -> Iterator[Revocation]:
    # Nobody remembers a key for nearly so long.
    for key in keys:
        if key.revoked_at is not None:
            yield of_api_key(key.id, until=key.revoked_at + _longest_life())


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
        log.warning("gateways were not told what ended", extra={"reason": str(error)})

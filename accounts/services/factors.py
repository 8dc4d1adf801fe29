"""Second factors: added, confirmed by their first code, and removed."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts import selectors
from accounts.errors import AuthenticatorExists, CodeInvalid
from accounts.models import AuditEntry, Authenticator, RecoveryCode, Session, User
from accounts.services.auditing import record
from accounts.services.locking import begin_guess, settle_guess
from accounts.services.second_factor import plain, require_two_factors
from accounts.services.sessions import BY_CODE, BY_TWO_FACTORS, end_sessions, prove_anew
from accounts.services.totp import new_secret, step_of, uri_of
from opencore.errors import NotFound
from opencore.events.user.v1 import AuthenticatorAdded, AuthenticatorRemoved
from opencore.sealing import seal, unseal
from outbox.publishing import emit

log = logging.getLogger(__name__)

# Whoever was shown a secret has so long to tell the first code.
PENDING_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class NewAuthenticator:
    """An authenticator to be confirmed; its secret is shown now and never again."""

    authenticator: Authenticator
    secret: str
    uri: str


@transaction.atomic
def begin_authenticator(*, user_id: UUID, name: str) -> NewAuthenticator:
    """Make a secret for a person's app; asked for only once a code of it was told.

    An older one that waits for its first code is forgotten. Raises AuthenticatorExists.
    """
    user = _hold(user_id)
    if selectors.confirmed_authenticator(user_id=user_id) is not None:
        raise AuthenticatorExists
    selectors.authenticators_of(user_id=user_id).filter(confirmed_at=None).delete()
    secret = new_secret()
    authenticator = Authenticator.objects.create(
        user=user, name=name, sealed_secret=seal(secret)
    )
    return NewAuthenticator(authenticator, secret, uri_of(secret, account=user.email))


def confirm_authenticator(
    *,
    authenticator_id: UUID,
    user_id: UUID,
    session_id: UUID | None,
    code: str,
    now: datetime,
) -> Authenticator:
    """Ask for a person's authenticator from now on, once its first code was told.

    All other sessions end; in this one the person has proved both factors. Raises
    NotFound, AuthenticatorExists, CodeInvalid or SignInLocked.
    """
    user = User.objects.get(id=user_id)
    if selectors.confirmed_authenticator(user_id=user_id) is not None:
        raise AuthenticatorExists
    pending = selectors.authenticators_of(user_id=user_id).filter(
        id=authenticator_id, created_at__gt=now - PENDING_FOR
    )
    authenticator = pending.first()
    if authenticator is None:
        raise NotFound
    begin_guess(email=user.email, now=now)
    step = step_of(unseal(authenticator.sealed_secret), plain(code), now=now)
    settle_guess(email=user.email, right=step is not None, now=now)
    if step is None:
        raise CodeInvalid
    return _confirm(authenticator, step, session_id, now)


@transaction.atomic
def remove_authenticator(
    *, authenticator_id: UUID, user_id: UUID, session_id: UUID, now: datetime
) -> None:
    """Ask a person for no second factor any more; their other sessions end.

    The recovery codes go with it. One that was never confirmed just goes. Raises
    NotFound, and MfaRequired to a session in which it was not proved.
    """
    _hold(user_id)
    mine = selectors.authenticators_of(user_id=user_id).filter(id=authenticator_id)
    authenticator = mine.first()
    if authenticator is None:
        raise NotFound
    if authenticator.confirmed_at is not None:
        require_two_factors(user_id=user_id, session_id=session_id)
        _forget_factors(user_id, authenticator_id, session_id, now)
    mine.delete()


@transaction.atomic
def _confirm(
    authenticator: Authenticator, step: int, session_id: UUID | None, now: datetime
) -> Authenticator:
    user_id = authenticator.user_id
    # A sign-in that is just going on holds the user, too: it sees this, or is ended.
    _hold(user_id)
    try:
        with transaction.atomic():
            confirmed = Authenticator.objects.filter(
                id=authenticator.id, confirmed_at=None
            ).update(confirmed_at=now, last_used_at=now, last_counter=step)
    except IntegrityError as error:
        raise AuthenticatorExists from error
    if not confirmed:
        raise AuthenticatorExists
    prove_anew(session_id=session_id, user_id=user_id, methods=BY_TWO_FACTORS, now=now)
    _end_others(user_id, session_id, now)
    record(
        AuditEntry.Action.AUTHENTICATOR_ADDED,
        target_id=authenticator.id,
        actor_id=user_id,
        kind=authenticator.kind,
    )
    emit(AuthenticatorAdded(user_id=user_id, authenticator_id=authenticator.id))
    log.info("authenticator added", extra={"user_id": str(user_id)})
    authenticator.refresh_from_db()
    return authenticator


def _forget_factors(
    user_id: UUID, authenticator_id: UUID, session_id: UUID, now: datetime
) -> None:
    RecoveryCode.objects.filter(user_id=user_id).delete()
    # Nobody has proved two factors who has one.
    Session.objects.filter(id=session_id, user_id=user_id).update(
        assurance=1, methods=list(BY_CODE)
    )
    _end_others(user_id, session_id, now)
    record(
        AuditEntry.Action.AUTHENTICATOR_REMOVED,
        target_id=authenticator_id,
        actor_id=user_id,
    )
    emit(AuthenticatorRemoved(user_id=user_id, authenticator_id=authenticator_id))
    log.info("authenticator removed", extra={"user_id": str(user_id)})


def _end_others(user_id: UUID, session_id: UUID | None, now: datetime) -> None:
    end_sessions(
        user_id=user_id,
        kept_id=session_id,
        reason=Session.RevokeReason.FACTORS_CHANGED,
        actor_id=user_id,
        now=now,
    )


def _hold(user_id: UUID) -> User:
    return User.objects.select_for_update(no_key=True).get(id=user_id)

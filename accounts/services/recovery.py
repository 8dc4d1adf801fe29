"""Recovery codes: shown once, each of them good once."""

import secrets
from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import selectors
from accounts.errors import AuthenticatorNeeded
from accounts.models import AuditEntry, RecoveryCode, User
from accounts.services.auditing import record
from accounts.services.second_factor import PREFIX, plain, require_two_factors
from opencore.events.user.v1 import RecoveryCodesMade
from outbox.publishing import emit

CODES = 10
# Without those that look like others.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
SECRET = 5


def make_recovery_codes(*, user_id: UUID, session_id: UUID, now: datetime) -> list[str]:
    """Replace a person's recovery codes by new ones, and return them, for once.

    Raises AuthenticatorNeeded to who has none, and MfaRequired to a session in which it
    was not proved.
    """
    if selectors.confirmed_authenticator(user_id=user_id) is None:
        raise AuthenticatorNeeded
    require_two_factors(user_id=user_id, session_id=session_id)
    codes = _new_codes()
    # To hash them takes long; nobody waits for a lock meanwhile.
    rows = [
        RecoveryCode(
            user_id=user_id,
            prefix=code[:PREFIX],
            code_hash=make_password(plain(code)),
            created_at=now,
        )
        for code in codes
    ]
    _replace(user_id, rows)
    return codes


@transaction.atomic
def _replace(user_id: UUID, rows: list[RecoveryCode]) -> None:
    # Two who do so at once: the codes of the later are good.
    User.objects.select_for_update(no_key=True).get(id=user_id)
    if selectors.confirmed_authenticator(user_id=user_id) is None:
        raise AuthenticatorNeeded
    RecoveryCode.objects.filter(user_id=user_id).delete()
    RecoveryCode.objects.bulk_create(rows)
    record(AuditEntry.Action.RECOVERY_CODES_MADE, target_id=user_id, actor_id=user_id)
    emit(RecoveryCodesMade(user_id=user_id))


def _new_codes() -> list[str]:
    codes: dict[str, str] = {}
    while len(codes) < CODES:
        prefix = _letters(PREFIX)
        codes[prefix] = "-".join((prefix, _letters(SECRET), _letters(SECRET)))
    return list(codes.values())


def _letters(count: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(count))

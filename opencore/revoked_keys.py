"""Keys of access tokens that an operator took the trust from: stored, then told."""

import logging
from datetime import datetime

from django.db import transaction

from opencore.models import RevokedKey
from opencore.revocations import revoke, revoke_key
from opencore.revoked import of_key

log = logging.getLogger(__name__)


def revoke_for_good(*, kid: str, actor: str, reason: str, now: datetime) -> None:
    """Let no gateway pass a token that the key signed, and record who decided it.

    It is recorded before Redis is told. Raises RevocationsUnavailable if that was in
    vain; then beat tells it when it is back.
    """
    with transaction.atomic(durable=True):
        RevokedKey.objects.get_or_create(
            kid=kid, defaults={"revoked_at": now, "actor": actor, "reason": reason}
        )
    log.warning("key revoked", extra={"kid": kid, "actor": actor})
    revoke_key(kid)


def republish_keys() -> int:
    """Tell Redis of all revoked keys; return how many of them it lacked.

    Raises RevocationsUnavailable.
    """
    kids = RevokedKey.objects.values_list("kid", flat=True)
    return revoke(of_key(kid) for kid in kids)

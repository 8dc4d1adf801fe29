"""What Celery does for the tables that all apps share."""

import logging

from celery import shared_task
from django.utils import timezone

from opencore.idempotency import delete_expired
from opencore.revocations import RevocationsUnavailable
from opencore.revoked_keys import republish_keys

log = logging.getLogger(__name__)


@shared_task(name="opencore.delete_expired_idempotency_keys", ignore_result=True)
def delete_expired_idempotency_keys(**_kwargs: object) -> None:
    """Forget the answers of requests that nobody may repeat any more."""
    deleted = delete_expired(now=timezone.now())
    if deleted:
        log.info("expired idempotency keys deleted", extra={"deleted": deleted})


@shared_task(name="opencore.republish_revoked_keys", ignore_result=True)
def republish_revoked_keys(**_kwargs: object) -> None:
    """Tell Redis of the revoked keys that it should know and may have lost."""
    try:
        lacked = republish_keys()
    except RevocationsUnavailable as error:
        log.warning("revoked keys were not republished", extra={"reason": str(error)})
        return
    if lacked:
        log.info("revoked keys republished", extra={"lacked": lacked})

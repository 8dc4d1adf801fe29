"""What Celery does for the tables that all apps share."""

import logging

from celery import shared_task
from django.utils import timezone

from opencore.idempotency import delete_expired

log = logging.getLogger(__name__)


@shared_task(name="opencore.delete_expired_idempotency_keys", ignore_result=True)
def delete_expired_idempotency_keys(**_kwargs: object) -> None:
    """Forget the answers of requests that nobody may repeat any more."""
    deleted = delete_expired(now=timezone.now())
    if deleted:
        log.info("expired idempotency keys deleted", extra={"deleted": deleted})

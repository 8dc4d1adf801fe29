"""What Celery does for billing."""

import logging

from celery import shared_task
from django.utils import timezone

from billing.services import expire_due_subscriptions

log = logging.getLogger(__name__)

BATCH = 200


@shared_task(name="billing.expire_subscriptions", ignore_result=True)
def expire_subscriptions(**_kwargs: object) -> None:
    """Expire what is due now, batch by batch; what falls due meanwhile waits a tick."""
    now, total = timezone.now(), 0
    while expired := expire_due_subscriptions(now=now, limit=BATCH):
        total += expired
    if total:
        log.info("subscriptions expired", extra={"expired": total})

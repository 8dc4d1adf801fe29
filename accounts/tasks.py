"""What Celery does for accounts."""

import logging

from celery import shared_task
from django.utils import timezone

from accounts import services

log = logging.getLogger(__name__)


@shared_task(name="accounts.delete_stale_challenges", ignore_result=True)
def delete_stale_challenges(**_kwargs: object) -> None:
    """Forget sign-in codes that nobody can use or count any more."""
    deleted = services.delete_stale_challenges(now=timezone.now())
    if deleted:
        log.info("stale challenges deleted", extra={"deleted": deleted})

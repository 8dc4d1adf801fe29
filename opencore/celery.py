"""The Celery application, and what beat does when."""

import logging
import os
from typing import Any

from celery import Celery, Task
from celery.signals import task_failure
from django.db.utils import InterfaceError, OperationalError

log = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opencore.settings.local")


class OpenCoreTask(Task[Any, Any]):
    """A task for which a database that is away is a delay, told in one line."""

    throws = (OperationalError, InterfaceError)


app = Celery("opencore", task_cls=OpenCoreTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_failure.connect
def _say_that_it_waits(
    sender: OpenCoreTask, exception: Exception, **_kwargs: object
) -> None:
    if isinstance(exception, OpenCoreTask.throws):
        log.error("database did not answer", extra={"task": sender.name})


def _every(seconds: float, task: str) -> dict[str, Any]:
    # A worker that was away must not run the ticks that it missed.
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


app.conf.beat_schedule = {
    "outbox-flush": _every(2, "outbox.flush"),
    "outbox-maintain": _every(60, "outbox.maintain"),
    "billing-expire-subscriptions": _every(5, "billing.expire_subscriptions"),
    "notifications-send-due-mail": _every(2, "notifications.send_due_mail"),
    "accounts-delete-stale-challenges": _every(600, "accounts.delete_stale_challenges"),
    "opencore-delete-expired-idempotency-keys": _every(
        600, "opencore.delete_expired_idempotency_keys"
    ),
}

"""The Celery application, and what beat does when."""

import logging
import os
from typing import Any

from celery import Celery, Task
from celery.signals import task_failure
from django.db.utils import InterfaceError, OperationalError

from opencore.context import (
    accepted_request_id,
    current_request_id,
    new_request_id,
    working_for,
)

log = logging.getLogger(__name__)

REQUEST_ID = "request_id"

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opencore.settings.local")


class OpenCoreTask(Task[Any, Any]):
    """A task that belongs to the request it was asked for in.

    A database that is away is a delay to it, told in one line.
    """

    throws = (OperationalError, InterfaceError)

    def apply_async(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 -- the signature is Celery's
        """Ask for the task, under the id of the request that asks, or a new one."""
        headers = dict(options.pop("headers", None) or {})
        headers.setdefault(REQUEST_ID, current_request_id() or new_request_id())
        return super().apply_async(*args, headers=headers, **options)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- the signature is Celery's
        """Run the task under that id."""
        request_id = accepted_request_id(getattr(self.request, REQUEST_ID, None))
        with working_for(request_id=request_id):
            return super().__call__(*args, **kwargs)


app = Celery("opencore", task_cls=OpenCoreTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_failure.connect
def _say_that_it_waits(
    sender: OpenCoreTask, exception: Exception, **_kwargs: object
) -> None:
    if isinstance(exception, OpenCoreTask.throws):
        request_id = getattr(sender.request, REQUEST_ID, None)
        log.error(
            "database did not answer",
            extra={"task": sender.name, "request_id": request_id},
        )


def _every(seconds: float, task: str) -> dict[str, Any]:
    # A worker that was away must not run the ticks that it missed.
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


app.conf.beat_schedule = {
    "outbox-flush": _every(2, "outbox.flush"),
    "outbox-run-replays": _every(2, "outbox.run_replays"),
    "outbox-maintain": _every(60, "outbox.maintain"),
    "billing-expire-subscriptions": _every(5, "billing.expire_subscriptions"),
    "notifications-send-due-mail": _every(2, "notifications.send_due_mail"),
    "accounts-delete-stale-challenges": _every(600, "accounts.delete_stale_challenges"),
    "accounts-delete-stale-invitations": _every(
        3600, "accounts.delete_stale_invitations"
    ),
    "accounts-seal-audit": _every(5, "accounts.seal_audit"),
    "accounts-do-data-requests": _every(10, "accounts.do_data_requests"),
    "accounts-write-audit-exports": _every(2, "accounts.write_audit_exports"),
    "gateway-hang-table": _every(60, "gateway.hang_table"),
    "accounts-republish-revocations": _every(30, "accounts.republish_revocations"),
    "opencore-republish-revoked-keys": _every(30, "opencore.republish_revoked_keys"),
    "opencore-delete-expired-idempotency-keys": _every(
        600, "opencore.delete_expired_idempotency_keys"
    ),
}

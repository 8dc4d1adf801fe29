"""The Celery application, and what beat does when."""

import os
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "opencore.settings.local")

app = Celery("opencore")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


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

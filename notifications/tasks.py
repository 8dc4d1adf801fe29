"""What Celery does for notifications."""

from celery import shared_task
from django.utils import timezone

from notifications.models import DeliveryAttempt
from notifications.services import send_next_mail

BATCH = 100
GOING_ON = frozenset(DeliveryAttempt.Outcome) - {DeliveryAttempt.Outcome.DEFERRED}


@shared_task(name="notifications.send_due_mail", ignore_result=True)
def send_due_mail(**_kwargs: object) -> None:
    """Send what is due, up to the first mail that the server would not take now."""
    for _ in range(BATCH):
        # The clock anew for each: a slow mail server must not outlast the claims.
        if send_next_mail(now=timezone.now()) not in GOING_ON:
            return

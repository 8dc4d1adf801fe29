"""What people do with their feed."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from notifications.models import Notification
from opencore.errors import NotFound


@transaction.atomic
def mark_read(*, notification_id: UUID, now: datetime, actor_id: UUID) -> Notification:
    """Note that its owner has read a notification; the first time is kept."""
    mine = Notification.objects.of(actor_id).filter(id=notification_id)
    mine.unread().update(read_at=now)
    notification = mine.first()
    if notification is None:
        raise NotFound
    return notification

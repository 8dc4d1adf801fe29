"""What is in a person's feed."""

from uuid import UUID

from django.db.models import QuerySet

from notifications.models import Notification


def feed_of(*, user_id: UUID, unread: bool) -> QuerySet[Notification]:
    """Return a person's notifications, or only those that are unread."""
    feed = Notification.objects.of(user_id)
    return feed.unread() if unread else feed


def unread_count(*, user_id: UUID) -> int:
    """Return how many notifications a person has not read."""
    return Notification.objects.of(user_id).unread().count()

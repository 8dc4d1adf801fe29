"""What is in a person's feed."""

from collections.abc import Set as AbstractSet
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from notifications.models import Delivery, Notification


def feed_of(*, user_id: UUID, unread: bool) -> QuerySet[Notification]:
    """Return a person's notifications, or only those that are unread."""
    feed = Notification.objects.of(user_id)
    return feed.unread() if unread else feed


def unread_count(*, user_id: UUID) -> int:
    """Return how many notifications a person has not read."""
    return Notification.objects.of(user_id).unread().count()


def deliveries_to(*, user_id: UUID, addresses: AbstractSet[str]) -> QuerySet[Delivery]:
    """Return the mail to a person, by their feed or to one of these lowered addresses.

    There is no index by address: this is for what is rare.
    """
    return Delivery.objects.alias(lowered=Lower("address")).filter(
        Q(notification__user_id=user_id) | Q(lowered__in=addresses)
    )

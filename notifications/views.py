"""The feed's endpoints."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifications.models import Notification
from notifications.selectors import feed_of, unread_count
from notifications.serializers import (
    NotificationAnswer,
    NotificationPage,
    UnreadCount,
)
from notifications.services import mark_read
from opencore.authentication import principal_of
from opencore.rest import FLAG, TIME, Filter, Listing, Sort

FEED = Listing(
    model=Notification,
    given=(
        Filter(
            name="unread",
            kind=FLAG,
            description="Whether what was read is left out; false unless said.",
        ),
    ),
    filters=(
        Filter(name="type", lookups=("in",)),
        Filter(name="created_at", kind=TIME, lookups=("gte", "lt")),
    ),
    sorts=(
        Sort(name="created_at", key=("created_at", "id"), index="notifications_feed"),
    ),
)


class FeedView(APIView):
    """The caller's feed."""

    @extend_schema(
        operation_id="list_notifications",
        parameters=FEED.parameters(),
        responses=NotificationPage,
    )
    def get(self, request: Request) -> Response:
        """List notifications, newest first."""
        asked = FEED.read(request)
        feed = feed_of(
            user_id=principal_of(request).user_id,
            unread=asked.given.get("unread", False),
        )
        return asked.page(feed).answer(_show)


class UnreadCountView(APIView):
    """How much of the caller's feed is unread."""

    @extend_schema(operation_id="count_unread_notifications", responses=UnreadCount)
    def get(self, request: Request) -> Response:
        """Count the unread notifications."""
        return Response({"unread": unread_count(user_id=principal_of(request).user_id)})


class ReadView(APIView):
    """That one notification was read."""

    @extend_schema(
        operation_id="mark_notification_read",
        request=None,
        responses=NotificationAnswer,
    )
    def post(self, request: Request, notification_id: UUID) -> Response:
        """Mark the notification as read; a second time changes nothing."""
        notification = mark_read(
            notification_id=notification_id,
            now=timezone.now(),
            actor_id=principal_of(request).user_id,
        )
        return Response(_show(notification))


def _show(notification: Notification) -> dict[str, Any]:
    return dict(NotificationAnswer(notification).data)

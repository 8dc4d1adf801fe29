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
    FeedQuery,
    NotificationAnswer,
    NotificationPage,
    UnreadCount,
)
from notifications.services import mark_read
from opencore.authentication import principal_of
from opencore.rest import page, read_query


class FeedView(APIView):
    """The caller's feed."""

    @extend_schema(
        operation_id="list_notifications",
        parameters=[FeedQuery],
        responses=NotificationPage,
    )
    def get(self, request: Request) -> Response:
        """List notifications, newest first."""
        query = read_query(FeedQuery, request)
        feed = feed_of(user_id=principal_of(request).user_id, unread=query["unread"])
        return page(feed, request).answer(_show)


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

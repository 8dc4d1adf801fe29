"""The shapes of what notifications are asked and what they answer."""

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from notifications.models import Notification


class NotificationAnswer(serializers.ModelSerializer[Notification]):
    """One entry of the feed."""

    class Meta:
        model = Notification
        fields = ("id", "type", "title", "body", "data", "created_at", "read_at")
        read_only_fields = fields


NotificationPage = inline_serializer(
    "NotificationPage",
    {
        "data": NotificationAnswer(many=True),
        "next_cursor": serializers.CharField(allow_null=True),
        "has_more": serializers.BooleanField(),
    },
)


class UnreadCount(serializers.Serializer[Any]):
    """How many notifications are unread."""

    unread = serializers.IntegerField(min_value=0)

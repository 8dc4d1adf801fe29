"""Offers of an organization's ownership."""

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from opencore.rest import StrictSerializer


class NewTransfer(StrictSerializer):
    """Which member shall own the organization."""

    user_id = serializers.UUIDField()


class TransferAnswer(serializers.Serializer[Any]):
    """An offer of the ownership that is not answered yet."""

    id = serializers.UUIDField()
    from_user_id = serializers.UUIDField()
    to_user_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


OpenTransferAnswer = inline_serializer(
    "OpenTransferAnswer", {"transfer": TransferAnswer(allow_null=True)}
)

"""The record of who did what."""

from typing import Any

from rest_framework import serializers

from accounts.serializers.fields import page_of


class AuditEntryAnswer(serializers.Serializer[Any]):
    """One thing that somebody did."""

    id = serializers.UUIDField(source="entry_id")
    occurred_at = serializers.DateTimeField()
    actor_id = serializers.UUIDField(allow_null=True)
    action = serializers.CharField()
    target_id = serializers.UUIDField()
    metadata = serializers.DictField(child=serializers.CharField())
    request_id = serializers.CharField()


AuditEntryPage = page_of("AuditEntryPage", AuditEntryAnswer(many=True))

"""Staff who act as a person, to staff."""

from typing import Any

from rest_framework import serializers

from accounts.serializers.fields import ListQuery, page_of
from opencore.rest import StrictSerializer, Text

LONGEST_REASON = 500


class NewImpersonation(StrictSerializer):
    """As whom staff wants to act, and why; the person is told the reason."""

    user_id = serializers.UUIDField()
    reason = Text(max_length=LONGEST_REASON)
    read_only = serializers.BooleanField(default=True)  # type: ignore[assignment]  # -- a field, which the framework takes from the class


class ImpersonationsQuery(ListQuery):
    """Which page of the list, and of whom."""

    user_id = serializers.UUIDField(required=False)


class ImpersonationAnswer(serializers.Serializer[Any]):
    """That staff acted as a person; it is over at `ended_at`, or when it expired."""

    id = serializers.UUIDField()
    user_id = serializers.UUIDField()
    impersonator_id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    reason = serializers.CharField()
    read_only = serializers.BooleanField()  # type: ignore[assignment]  # -- as above
    started_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class ActingAnswer(ImpersonationAnswer):
    """The same with the token, good for `expires_in` seconds; no other renews it."""

    access_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()


ImpersonationPage = page_of("ImpersonationPage", ImpersonationAnswer(many=True))

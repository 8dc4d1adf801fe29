"""Sessions, to the person whose they are."""

from typing import Any

from rest_framework import serializers

from accounts.serializers.fields import LONGEST_NAME, page_of
from opencore.rest import StrictSerializer, Text


class SessionLabel(StrictSerializer):
    """What a device is called."""

    device_label = Text(max_length=LONGEST_NAME)


class OrganizationChoice(StrictSerializer):
    """Where to work; null to work in no organization."""

    organization_id = serializers.UUIDField(allow_null=True)


class SessionAnswer(serializers.Serializer[Any]):
    """A device where the person is signed in.

    `current` is the one that asks; in an `impersonated` one staff acts as the person.
    """

    id = serializers.UUIDField()
    current = serializers.SerializerMethodField()
    impersonated = serializers.SerializerMethodField()
    device_label = serializers.CharField()
    ip = serializers.IPAddressField(allow_null=True)
    user_agent = serializers.CharField()
    assurance = serializers.IntegerField()
    methods = serializers.ListField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(allow_null=True)
    authenticated_at = serializers.DateTimeField(allow_null=True)
    idle_expires_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()

    def get_current(self, session: Any) -> bool:  # noqa: ANN401 -- the signature is the framework's
        """Tell whether it is the one that asks."""
        return bool(session.id == self.context["session_id"])

    def get_impersonated(self, session: Any) -> bool:  # noqa: ANN401 -- the signature is the framework's
        """Tell whether staff acts as the person there."""
        return session.impersonator_id is not None


class CurrentSessionAnswer(SessionAnswer):
    """The session that asks, and where its person works in it."""

    organization_id = serializers.UUIDField(allow_null=True)


class SessionsEnded(serializers.Serializer[Any]):
    """On how many devices the person was signed out."""

    ended = serializers.IntegerField()


SessionPage = page_of("SessionPage", SessionAnswer(many=True))

"""Service accounts and API keys."""

from datetime import datetime, timedelta
from ipaddress import IPv6Network, ip_network
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from accounts.roles import SCOPES, Role
from accounts.serializers.fields import page_of
from accounts.serializers.organizations import Name
from opencore.rest import StrictSerializer, Text, WholeNumber

MOST_NETWORKS = 50
DEFAULT_OVERLAP = int(timedelta(days=1).total_seconds())
LONGEST_OVERLAP = int(timedelta(days=7).total_seconds())
# No program is an owner.
ROLES = [(role.value, role.label) for role in Role if role != Role.OWNER]
SCOPE_CHOICES = [(scope.value, scope.label) for scope in SCOPES]


class Network(Text):
    """Accepts a network such as 192.0.2.0/24 or 2001:db8::/32, or one address."""

    default_error_messages = {
        "not_a_network": "Use a network such as 192.0.2.0/24 or 2001:db8::/32."
    }

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 -- the signature is the framework's
        """Return the network in one spelling."""
        text = super().to_internal_value(data)
        try:
            network = ip_network(text)
        except ValueError:
            self.fail("not_a_network")
        mapped = (
            isinstance(network, IPv6Network)
            and network.network_address.ipv4_mapped is not None
        )
        # Addresses are looked at as what they map to, so it would match none.
        if mapped:
            self.fail("not_a_network")
        return str(network)


class NewServiceAccount(StrictSerializer):
    """A program that shall be let in."""

    name = Name()
    role = serializers.ChoiceField(ROLES, default=Role.MEMBER.value)


class ServiceAccountChange(StrictSerializer):
    """What shall be different about a service account."""

    name = Name(required=False)
    role = serializers.ChoiceField(ROLES, required=False)


class ServiceAccountAnswer(serializers.Serializer[Any]):
    """A program of an organization."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    role = serializers.CharField()
    created_by = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    disabled_at = serializers.DateTimeField(allow_null=True)


ServiceAccountPage = page_of("ServiceAccountPage", ServiceAccountAnswer(many=True))


class NewApiKey(StrictSerializer):
    """A key that shall be made: a service account's, or else your own."""

    name = Name()
    service_account_id = serializers.UUIDField(required=False, allow_null=True)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(SCOPE_CHOICES),
        min_length=1,
        max_length=len(SCOPES),
        help_text="Permissions, at most those of your own role.",
    )
    networks = serializers.ListField(
        child=Network(),
        required=False,
        max_length=MOST_NETWORKS,
        help_text="Where it may be used from; none named: from anywhere.",
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True)

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        """Refuse a moment that is over."""
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError("Use a time that is to come.", "past")
        return moment


@extend_schema_serializer(
    examples=[OpenApiExample("A day for both", {"overlap": 86400}, request_only=True)]
)
class Rotation(StrictSerializer):
    """How long the old key shall be good beside the new one."""

    overlap = WholeNumber(
        default=DEFAULT_OVERLAP,
        min_value=0,
        max_value=LONGEST_OVERLAP,
        help_text="Seconds; 0 ends the old key at once.",
    )


class ApiKeyAnswer(serializers.Serializer[Any]):
    """An API key, without what is secret of it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField(help_text="Its text begins with ock_ and this.")
    service_account_id = serializers.UUIDField(allow_null=True)
    user_id = serializers.UUIDField(allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField())
    networks = serializers.ListField(child=serializers.CharField())
    created_by = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(
        allow_null=True, help_text="Noted at most once a minute."
    )
    revoked_at = serializers.DateTimeField(allow_null=True)
    rotated_from = serializers.UUIDField(source="rotated_from_id", allow_null=True)


ApiKeyPage = page_of("ApiKeyPage", ApiKeyAnswer(many=True))


class NewApiKeyAnswer(ApiKeyAnswer):
    """An API key and its text, which is shown this once."""

    api_key = serializers.CharField(
        help_text="Keep it secret; it can't be shown again."
    )

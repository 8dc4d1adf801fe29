"""Members of organizations."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from accounts.models import Membership
from accounts.serializers.fields import Address, page_of
from opencore.rest import StrictSerializer


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "By address",
            {"email": "ada@example.com", "role": "member"},
            request_only=True,
        )
    ]
)
class NewMember(StrictSerializer):
    """Who shall become a member: a user, by id or by address, and as what."""

    exactly_one = ("user_id", "email")

    user_id = serializers.UUIDField(required=False)
    email = Address(required=False)
    role = serializers.ChoiceField(
        Membership.Role.choices, default=Membership.Role.MEMBER.value
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none and both ways to name the person."""
        if ("user_id" in attrs) == ("email" in attrs):
            raise serializers.ValidationError("Give either user_id or email.")
        return attrs


class MemberChange(StrictSerializer):
    """What shall be different about a member: the role, or whether they may act."""

    exactly_one = ("role", "status")

    role = serializers.ChoiceField(Membership.Role.choices, required=False)
    status = serializers.ChoiceField(Membership.Status.choices, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse none and both."""
        if len(attrs) != 1:
            raise serializers.ValidationError("Give either role or status.")
        return attrs


class MemberAnswer(serializers.Serializer[Any]):
    """A member of an organization, to the others."""

    user_id = serializers.UUIDField()
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.CharField()
    status = serializers.CharField()
    created_at = serializers.DateTimeField()


MemberPage = page_of("MemberPage", MemberAnswer(many=True))

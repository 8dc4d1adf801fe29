"""Organizations."""

from typing import Any

from rest_framework import serializers

from accounts.serializers.fields import LONGEST_NAME, Text, page_of
from opencore.rest import StrictSerializer


class NewOrganization(StrictSerializer):
    """An organization to be opened."""

    name = Text(max_length=LONGEST_NAME)


class OrganizationAnswer(serializers.Serializer[Any]):
    """An organization, to one of its members."""

    id = serializers.UUIDField(source="organization.id")
    name = serializers.CharField(source="organization.name")
    created_at = serializers.DateTimeField(source="organization.created_at")
    role = serializers.CharField(help_text="The caller's own role.")


OrganizationPage = page_of("OrganizationPage", OrganizationAnswer(many=True))

"""Invitations."""

from typing import Any

from rest_framework import serializers

from accounts.roles import Role
from accounts.serializers.fields import Address, page_of
from opencore.rest import StrictSerializer


class NewInvitation(StrictSerializer):
    """Who shall be asked to join, by address, and as what."""

    email = Address()
    role = serializers.ChoiceField(Role.choices, default=Role.MEMBER.value)


class InvitationAnswer(serializers.Serializer[Any]):
    """An invitation, to those who may invite; its link is in the mail alone."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    role = serializers.CharField()
    status = serializers.CharField(
        help_text="pending, accepted, revoked (or declined) or expired."
    )
    invited_by = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField()
    sent_count = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class InvitingOrganization(serializers.Serializer[Any]):
    """The organization, as far as somebody sees it who is asked to join."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class OwnInvitation(serializers.Serializer[Any]):
    """An invitation, to who is asked to join."""

    id = serializers.UUIDField()
    organization = InvitingOrganization()
    email = serializers.EmailField()
    role = serializers.CharField()
    inviter = serializers.CharField(
        allow_null=True, help_text="A person's name or address; null for a program."
    )
    expires_at = serializers.DateTimeField()


OwnInvitationPage = page_of("OwnInvitationPage", OwnInvitation(many=True))
InvitationPage = page_of("InvitationPage", InvitationAnswer(many=True))

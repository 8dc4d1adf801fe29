"""The shapes of what accounts is asked and what it answers."""

from typing import Any

from django.core.validators import RegexValidator
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from accounts.models import Membership
from opencore.rest import StrictSerializer
from opencore.tokens import LARGEST_TOKEN

LONGEST_NAME = 100


class Text(serializers.CharField):
    """Accepts a JSON string alone."""

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 -- the signature is the framework's
        """Return the text, or refuse what would have to be made one."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Address(serializers.EmailField):
    """Accepts an e-mail address in ASCII: letters that look alike are other people."""

    default_error_messages = {"not_ascii": "Write the domain in its ASCII form."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 -- the signature is the framework's
        """Return the address as it was written, without spaces around it."""
        if not isinstance(data, str):
            self.fail("invalid")
        if not data.isascii():
            self.fail("not_ascii")
        return super().to_internal_value(data)


class CodeRequest(StrictSerializer):
    """Where a sign-in code shall go."""

    email = Address()


class CodeRequested(serializers.Serializer[Any]):
    """What to tell with the code; times in seconds."""

    challenge_id = serializers.UUIDField()
    expires_in = serializers.IntegerField()
    resend_after = serializers.IntegerField()


class CodeVerification(StrictSerializer):
    """A code and which challenge it answers."""

    challenge_id = serializers.UUIDField()
    code = Text(validators=[RegexValidator(r"\A[0-9]{8}\Z")])


class RefreshBody(StrictSerializer):
    """The newest refresh token of a session."""

    refresh_token = Text(max_length=LARGEST_TOKEN)


class UserAnswer(serializers.Serializer[Any]):
    """A person, to themselves."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    name = serializers.CharField()
    role = serializers.CharField()
    created_at = serializers.DateTimeField()


class TokensAnswer(serializers.Serializer[Any]):
    """New tokens; the access token is good for `expires_in` seconds."""

    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()


class SignedInAnswer(TokensAnswer):
    """New tokens and whose they are."""

    user = UserAnswer()


class NewOrganization(StrictSerializer):
    """An organization to be opened."""

    name = Text(max_length=LONGEST_NAME)


class OrganizationAnswer(serializers.Serializer[Any]):
    """An organization, to one of its members."""

    id = serializers.UUIDField(source="organization.id")
    name = serializers.CharField(source="organization.name")
    created_at = serializers.DateTimeField(source="organization.created_at")
    role = serializers.CharField(help_text="The caller's own role.")


class NewMember(StrictSerializer):
    """Who shall become a member: a user, by id or by address, and as what."""

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


class MemberAnswer(serializers.Serializer[Any]):
    """A member of an organization, to the others."""

    user_id = serializers.UUIDField()
    email = serializers.EmailField(source="user.email")
    name = serializers.CharField(source="user.name")
    role = serializers.CharField()
    created_at = serializers.DateTimeField()


class AuditEntryAnswer(serializers.Serializer[Any]):
    """One thing that somebody did."""

    id = serializers.UUIDField(source="entry_id")
    occurred_at = serializers.DateTimeField()
    actor_id = serializers.UUIDField(allow_null=True)
    action = serializers.CharField()
    target_id = serializers.UUIDField()
    metadata = serializers.DictField(child=serializers.CharField())
    request_id = serializers.CharField()


class ListQuery(StrictSerializer):
    """Which page of a list."""

    limit = serializers.IntegerField(required=False, min_value=1, max_value=100)
    cursor = serializers.CharField(required=False)


def _page_of(
    name: str, row: serializers.Serializer[Any]
) -> serializers.Serializer[Any]:
    return inline_serializer(
        name,
        {
            "data": row,
            "next_cursor": serializers.CharField(allow_null=True),
            "has_more": serializers.BooleanField(),
        },
    )


OrganizationPage = _page_of("OrganizationPage", OrganizationAnswer(many=True))
MemberPage = _page_of("MemberPage", MemberAnswer(many=True))
AuditEntryPage = _page_of("AuditEntryPage", AuditEntryAnswer(many=True))

"""Organizations."""

from typing import Any

from django.core.validators import (
    ProhibitNullCharactersValidator,
    RegexValidator,
)
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from accounts.serializers.fields import LONGEST_NAME, page_of
from opencore.rest import StrictSerializer, Text, WholeNumber

LONGEST_SLUG = 63
CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
LINE = rf"[^{CONTROLS}]*"
MOST_DOMAINS = 100
LONGEST_SESSION = 24 * 30
DOMAIN = RegexValidator(
    r"\A(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]\Z",
    "Write a domain such as example.com, in small letters and in its ASCII form.",
)


class Name(Text):
    """Accepts what can stand in a line: no control characters, not only spaces."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_NAME, **kwargs)
        line = LINE if self.allow_blank else rf"{LINE}[^{CONTROLS}{SPACES}]{LINE}"
        # A zero is a control character, too; it needs no second complaint.
        self.validators = [
            each
            for each in self.validators
            if not isinstance(each, ProhibitNullCharactersValidator)
        ]
        self.validators.append(RegexValidator(rf"\A{line}\Z", "Use one line."))


class Slug(Text):
    """Accepts letters, digits and single hyphens between them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_SLUG, **kwargs)
        self.validators.append(
            RegexValidator(
                r"\A[A-Za-z0-9]+(-[A-Za-z0-9]+)*\Z",
                "Use letters, digits, and hyphens between them.",
            )
        )


class Settings(StrictSerializer):
    """What an organization's owners and admins decide; what is left out stays."""

    mfa_required = serializers.BooleanField(required=False)
    session_max_age = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=LONGEST_SESSION,
        help_text="Hours since a member proved who they are; then they step up again.",
    )
    allowed_domains = serializers.ListField(
        child=Text(validators=[DOMAIN]),
        required=False,
        max_length=MOST_DOMAINS,
        help_text="Only who has an address of these joins; none named: everybody.",
    )
    member_limit = WholeNumber(
        required=False, allow_null=True, min_value=1, max_value=1_000_000
    )


class NewOrganization(StrictSerializer):
    """An organization to be opened."""

    name = Name()
    slug = Slug(required=False)


class OrganizationChange(StrictSerializer):
    """What shall be different about an organization."""

    name = Name(required=False)
    slug = Slug(required=False)
    settings = Settings(required=False)


class SettingsAnswer(serializers.Serializer[Any]):
    """What is set, with what holds unless it is."""

    mfa_required = serializers.BooleanField(default=False)
    session_max_age = serializers.IntegerField(allow_null=True, default=None)
    allowed_domains = serializers.ListField(child=serializers.CharField(), default=list)
    member_limit = serializers.IntegerField(allow_null=True, default=None)


class OrganizationAnswer(serializers.Serializer[Any]):
    """An organization, to one of its members."""

    id = serializers.UUIDField(source="organization.id")
    name = serializers.CharField(source="organization.name")
    slug = serializers.CharField(source="organization.slug")
    status = serializers.CharField(source="organization.status")
    settings = SettingsAnswer(source="organization.settings")
    created_at = serializers.DateTimeField(source="organization.created_at")
    updated_at = serializers.DateTimeField(source="organization.updated_at")
    role = serializers.CharField(help_text="The caller's own role.")


OrganizationPage = page_of("OrganizationPage", OrganizationAnswer(many=True))


class RoleAnswer(serializers.Serializer[Any]):
    """A role, what it allows, and for what of that a fresh proof is needed."""

    role = serializers.CharField()
    permissions = serializers.ListField(child=serializers.CharField())
    step_up = serializers.ListField(child=serializers.CharField())


RolesAnswer = inline_serializer("RolesAnswer", {"data": RoleAnswer(many=True)})

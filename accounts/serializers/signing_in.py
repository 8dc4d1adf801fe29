"""Codes, tokens and who was let in."""

from typing import Any, ClassVar

from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers.fields import Address
from accounts.serializers.invitations import OwnInvitation
from accounts.serializers.people import UserAnswer
from opencore.rest import StrictSerializer, Text
from opencore.tokens import LARGEST_TOKEN


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


TOTP = r"[0-9]{6}"
RECOVERY = r"[A-Za-z0-9]{4}-?[A-Za-z0-9]{5}-?[A-Za-z0-9]{5}"


class CodeText(Text):
    """Accepts a code that looks as such codes do."""

    pattern: ClassVar[str]
    hint: ClassVar[str]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=32, **kwargs)
        self.validators.append(RegexValidator(rf"\A({self.pattern})\Z", self.hint))


@extend_schema_field({"type": "string", "pattern": f"^{TOTP}$", "examples": ["123456"]})
class TotpCode(CodeText):
    """Accepts a code of an authenticator app."""

    pattern = TOTP
    hint = "Use six digits."


@extend_schema_field(
    {"type": "string", "pattern": f"^({TOTP}|{RECOVERY})$", "examples": ["123456"]}
)
class FactorCode(CodeText):
    """Accepts a code of an authenticator app, or a recovery code."""

    pattern = f"{TOTP}|{RECOVERY}"
    hint = "Use six digits, or a recovery code such as abcd-efghj-kmnpq."


class FactorAsked(serializers.Serializer[Any]):
    """That the code was right, and that the second factor is asked for, too.

    The ticket goes to POST /v1/auth/mfa/verify within so many seconds, with a code by
    one of these factors.
    """

    mfa_required = serializers.BooleanField()
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField()
    factors = serializers.ListField(child=serializers.CharField())


class FactorVerification(StrictSerializer):
    """A code of the second factor, and the ticket that asked for it."""

    ticket = Text(validators=[RegexValidator(r"\A[0-9a-f]{32}\.[\w-]{43}\Z")])
    code = FactorCode()


class RefreshBody(StrictSerializer):
    """The newest refresh token of a session."""

    refresh_token = Text(max_length=LARGEST_TOKEN)


class TokensAnswer(serializers.Serializer[Any]):
    """New tokens; the access token is good for `expires_in` seconds."""

    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField()


class SignedInAnswer(TokensAnswer):
    """New tokens and whose they are."""

    user = UserAnswer()
    invitations = OwnInvitation(
        many=True, help_text="What the person is asked to join, the newest first."
    )

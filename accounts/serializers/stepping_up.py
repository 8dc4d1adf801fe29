"""Stepping up: what is asked of who is signed in, and what they tell."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.serializers.signing_in import RECOVERY, TOTP, CodeText
from opencore.rest import StrictSerializer


@extend_schema_field(
    {
        "type": "string",
        "pattern": f"^([0-9]{{8}}|{TOTP}|{RECOVERY})$",
        "examples": ["12345678"],
    }
)
class AnyCode(CodeText):
    """Accepts a mailed code, one of an authenticator app, or a recovery code."""

    pattern = rf"[0-9]{{8}}|{TOTP}|{RECOVERY}"
    hint = "Use eight digits of a mail, six of an app, or a recovery code."


class StepUpAsked(serializers.Serializer[Any]):
    """By what to step up: `email`, or the second factor.

    For `email` a code was mailed; what is not null goes with it.
    """

    factors = serializers.ListField(child=serializers.CharField())
    challenge_id = serializers.UUIDField(allow_null=True)
    expires_in = serializers.IntegerField(allow_null=True)
    resend_after = serializers.IntegerField(allow_null=True)


class StepUpVerification(StrictSerializer):
    """A code, and which challenge it answers if it was mailed."""

    challenge_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    code = AnyCode()

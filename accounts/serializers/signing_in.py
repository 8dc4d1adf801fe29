"""Codes, tokens and who was let in."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from accounts.serializers.fields import Address, Text
from accounts.serializers.people import UserAnswer
from opencore.rest import StrictSerializer
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

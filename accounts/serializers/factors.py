"""Second factors, to the person whose they are."""

from typing import Any

from rest_framework import serializers

from accounts.serializers.fields import LONGEST_NAME, page_of
from accounts.serializers.signing_in import TotpCode
from opencore.rest import StrictSerializer, Text


class AuthenticatorName(StrictSerializer):
    """What an authenticator is called."""

    name = Text(max_length=LONGEST_NAME, required=False, default="", allow_blank=True)


class TotpCodeBody(StrictSerializer):
    """The code that an authenticator app shows now."""

    code = TotpCode()


class AuthenticatorAnswer(serializers.Serializer[Any]):
    """An authenticator; it is asked for since it was confirmed."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class NewAuthenticatorAnswer(AuthenticatorAnswer):
    """An authenticator to be confirmed, with its secret, which is shown once.

    `uri` is what the app reads from a QR code.
    """

    secret = serializers.CharField()
    uri = serializers.CharField()


class RecoveryCodesAnswer(serializers.Serializer[Any]):
    """Recovery codes, shown once; each is good once."""

    codes = serializers.ListField(child=serializers.CharField())


AuthenticatorPage = page_of("AuthenticatorPage", AuthenticatorAnswer(many=True))

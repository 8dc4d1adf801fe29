"""Programs are recognized by their API keys, as people are by access tokens."""

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.services import recognize_key
from opencore.api_keys import ApiKeyInvalid, is_key
from opencore.authentication import KeyPrincipal
from opencore.brakes import sender_address
from opencore.describing.keys import KEY_SCHEME


class ApiKeyAuthentication(BaseAuthentication):
    """Believes an API key of ours that is good where it comes from.

    Whatever is wrong with one, the refusal is the same.
    """

    def authenticate(self, request: Request) -> tuple[KeyPrincipal, None] | None:
        """Return who is asking; None if no API key came with the request."""
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        credentials = credentials.strip()
        if scheme.lower() != "bearer" or not is_key(credentials):
            return None
        principal = recognize_key(
            credentials=credentials,
            address=sender_address(request),
            now=timezone.now(),
        )
        if principal is None:
            raise ApiKeyInvalid
        return principal, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 -- the signature is the framework's
        """Return the challenge of an answer that asks for a key."""
        return "Bearer"


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # -- its base class has no types
    """Describes API keys in the API's description."""

    target_class = ApiKeyAuthentication
    name = KEY_SCHEME

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ANN401, ARG002 -- the signature is drf-spectacular's
        """Return the scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of an organization, `ock_...`, within its scopes.",
        }

"""Who is asking: read from the access token of each request to the API."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast
from uuid import UUID

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from opencore.revocations import is_revoked
from opencore.tokens import TokenInvalid, read_access

OPERATOR_ROLES = frozenset({"operator"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Who is asking, as the access token said; the database was not asked."""

    user_id: UUID
    session_id: UUID
    role: str
    is_authenticated: ClassVar[bool] = True

    @property
    def is_operator(self) -> bool:
        """Tell whether this person runs the deployment."""
        return self.role in OPERATOR_ROLES


class AccessTokenAuthentication(BaseAuthentication):
    """Believes a bearer token that is ours, in the API as well as behind a gateway.

    A gateway refuses a revoked one at once. Who comes without is refused within a second,
    for no request waits here for Redis.
    """

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        """Return who is asking; None if no bearer token came with the request."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        claims = read_access(token.strip())
        if is_revoked(claims):
            raise TokenInvalid
        principal = Principal(
            user_id=claims.user_id, session_id=claims.session_id, role=claims.role
        )
        return principal, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 -- the signature is the framework's
        """Return the challenge of an answer that asks for a token."""
        return "Bearer"


def principal_of(request: Request) -> Principal:
    """Return who is asking, in a view that lets nobody else through."""
    return cast("Principal", request.user)


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # -- its base class has no types
    """Describes the access token in the API's description."""

    target_class = AccessTokenAuthentication
    name = "accessToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ANN401, ARG002 -- the signature is drf-spectacular's
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

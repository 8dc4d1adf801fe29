"""Who is asking: read from the access token of each request to the API."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from opencore.context import Actor, act_as
from opencore.errors import DomainError, Forbidden, ReadOnly
from opencore.revocations import is_revoked
from opencore.tokens import TokenInvalid, read_access

OPERATOR_ROLES = frozenset({"operator"})
STAFF_ROLES = OPERATOR_ROLES | {"support"}
# How an operation says in the API's description that no API key is let through.
FOR_PEOPLE = "x-for-people"
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Who is asking, as the access token said; the database was not asked."""

    user_id: UUID
    session_id: UUID
    role: str
    assurance: int = 1
    authenticated_at: datetime | None = None
    # Who of the staff asks as the user, and whether they may change nothing.
    impersonator_id: UUID | None = None
    read_only: bool = False
    asked_at: datetime = field(default_factory=timezone.now)
    is_authenticated: ClassVar[bool] = True

    def proved_within(self, time: timedelta) -> bool:
        """Tell whether they proved who they are at most so long before they asked."""
        proved_at = self.authenticated_at
        return proved_at is not None and self.asked_at - proved_at <= time

    @property
    def is_operator(self) -> bool:
        """Tell whether this person runs the deployment."""
        return self.role in OPERATOR_ROLES

    @property
    def is_staff(self) -> bool:
        """Tell whether this person works for the deployment."""
        return self.role in STAFF_ROLES


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyPrincipal:
    """A program that asks, by an API key of an organization.

    It acts for a service account or for a member; `scopes` is what the key allows of
    what the holder's role allows now.
    """

    key_id: UUID
    organization_id: UUID
    service_account_id: UUID | None = None
    user_id: UUID | None = None
    scopes: frozenset[str] = frozenset()
    role: ClassVar[str] = "user"
    is_operator: ClassVar[bool] = False
    is_authenticated: ClassVar[bool] = True


class StepUpRequired(DomainError):
    """It is too long ago that you proved who you are; step up and repeat this.

    A code is to be had from POST /v1/auth/step-up.
    """

    code: ClassVar[str] = "step_up_required"
    status: ClassVar[HTTPStatus] = HTTPStatus.FORBIDDEN


# So long a proof of who somebody is holds for what needs a fresh one.
FRESH = timedelta(minutes=10)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


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
            user_id=claims.user_id,
            session_id=claims.session_id,
            role=claims.role,
            assurance=claims.assurance,
            authenticated_at=claims.authenticated_at,
            impersonator_id=claims.impersonator_id,
            read_only=claims.read_only,
        )
        if principal.read_only and request.method not in SAFE_METHODS:
            raise ReadOnly
        act_as(_actor_of(principal))
        return principal, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 -- the signature is the framework's
        """Return the challenge of an answer that asks for a token."""
        return "Bearer"


def principal_of(request: Request) -> Principal:
    """Return the person who is asking; raises Forbidden for a program with a key."""
    caller = caller_of(request)
    if isinstance(caller, KeyPrincipal):
        raise Forbidden("This is for people; an API key is not enough.")
    return caller


def for_people(operation: F) -> F:
    """Refuse programs at once, whatever their key allows, and describe that."""

    @wraps(operation)
    def asked_by_people(
        view: Any,  # noqa: ANN401 -- any view
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 -- what the operation answers
        principal_of(request)
        return operation(view, request, *args, **kwargs)

    describe = extend_schema(extensions={FOR_PEOPLE: True})
    return cast("F", describe(asked_by_people))


def caller_of(request: Request) -> Principal | KeyPrincipal:
    """Return who is asking, a person or a program, where both are let through."""
    return cast("Principal | KeyPrincipal", request.user)


def require_step_up(request: Request, *, now: datetime) -> Principal:
    """Return the person who is asking if they proved lately who they are.

    Raises StepUpRequired, or Forbidden for programs and for who acts as another.
    """
    principal = principal_of(request)
    if principal.impersonator_id is not None:
        raise Forbidden
    proved_at = principal.authenticated_at
    if proved_at is None or now - proved_at > FRESH:
        raise StepUpRequired
    return principal


def _actor_of(principal: Principal) -> Actor:
    if principal.impersonator_id is not None:
        return Actor(
            kind="staff",
            actor_id=principal.impersonator_id,
            session_id=principal.session_id,
            on_behalf_of=principal.user_id,
        )
    return Actor(
        kind="user", actor_id=principal.user_id, session_id=principal.session_id
    )


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # -- its base class has no types
    """Describes the access token in the API's description."""

    target_class = AccessTokenAuthentication
    name = "accessToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ANN401, ARG002 -- the signature is drf-spectacular's
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}

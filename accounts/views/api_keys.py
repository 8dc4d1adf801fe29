"""API keys of an organization; people alone decide about them."""

from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import ApiKey
from accounts.roles import Permission
from accounts.serializers.keys import (
    ApiKeyAnswer,
    ApiKeyPage,
    NewApiKey,
    NewApiKeyAnswer,
    Rotation,
)
from opencore.authentication import for_people, principal_of, require_step_up
from opencore.rest import IDENTITY, Filter, Listing, Sort, read_body

API_KEYS = Listing(
    model=ApiKey,
    filters=(
        Filter(name="service_account_id", kind=IDENTITY),
        Filter(name="user_id", kind=IDENTITY),
    ),
    sorts=(
        Sort(name="created_at", key=("created_at", "id"), index="accounts_keys_of_org"),
    ),
)


def _access(organization_id: UUID, request: Request) -> selectors.Access:
    return selectors.access_to(
        organization_id, principal_of(request), Permission.API_KEYS_MANAGE
    )


def _proved_access(organization_id: UUID, request: Request) -> selectors.Access:
    access = _access(organization_id, request)
    require_step_up(request, now=timezone.now())
    return access


class ApiKeysView(APIView):
    """The API keys of an organization."""

    @extend_schema(
        operation_id="list_api_keys",
        parameters=API_KEYS.parameters(),
        responses=ApiKeyPage,
    )
    @for_people
    def get(self, request: Request, organization_id: UUID) -> Response:
        """List the keys, the revoked ones among them, without what is secret."""
        asked = API_KEYS.read(request)
        access = _access(organization_id, request)
        keys = selectors.api_keys_of(organization=access.organization)
        return asked.page(keys).answer(_show)

    @extend_schema(
        operation_id="create_api_key",
        request=NewApiKey,
        responses={HTTPStatus.CREATED: NewApiKeyAnswer},
    )
    @for_people
    def post(self, request: Request, organization_id: UUID) -> Response:
        """Make a key for a service account or for yourself; its text is shown this once.

        It allows what its scopes name and its holder's role allows whenever it is
        used. Asks for a fresh proof of who you are; more scopes than your own role has
        are refused: 403 `scopes_exceed_role`.
        """
        body = read_body(NewApiKey, request)
        access = _proved_access(organization_id, request)
        made = services.create_api_key(
            organization_id=organization_id,
            wanted=services.KeyWanted(**body),
            allowed=access.permissions,
            actor_id=access.actor_id,
        )
        return _answer_once(made)


class ApiKeyView(APIView):
    """One API key."""

    @extend_schema(operation_id="read_api_key", responses=ApiKeyAnswer)
    @for_people
    def get(self, request: Request, organization_id: UUID, key_id: UUID) -> Response:
        """Show a key without what is secret."""
        access = _access(organization_id, request)
        key = selectors.get_api_key(organization=access.organization, key_id=key_id)
        return Response(_show(key))

    @extend_schema(
        operation_id="revoke_api_key", responses={HTTPStatus.NO_CONTENT: None}
    )
    @for_people
    def delete(self, request: Request, organization_id: UUID, key_id: UUID) -> Response:
        """Let a key be good for nothing any more, at once.

        Asks for a fresh proof of who you are.
        """
        access = _proved_access(organization_id, request)
        services.revoke_api_key(
            organization_id=organization_id,
            key_id=key_id,
            actor_id=access.actor_id,
            now=timezone.now(),
        )
        return Response(status=HTTPStatus.NO_CONTENT)


class ApiKeyRotationView(APIView):
    """Successors of API keys."""

    @extend_schema(
        operation_id="rotate_api_key",
        request=Rotation,
        responses={HTTPStatus.CREATED: NewApiKeyAnswer},
    )
    @for_people
    def post(self, request: Request, organization_id: UUID, key_id: UUID) -> Response:
        """Make a key's successor, whose text is shown this once; for a while both are good.

        The new key lives as long as the old one was meant to. Asks for a fresh proof
        of who you are; a key of another person is theirs to rotate. Once is enough: 409
        `api_key_rotated`, unless the successor is revoked.
        """
        body = read_body(Rotation, request)
        access = _proved_access(organization_id, request)
        made = services.rotate_api_key(
            organization_id=organization_id,
            key_id=key_id,
            overlap=timedelta(seconds=body["overlap"]),
            allowed=access.permissions,
            actor_id=access.actor_id,
            now=timezone.now(),
        )
        return _answer_once(made)


def _answer_once(made: services.NewKey) -> Response:
    shown = {**_show(made.key), "api_key": made.text}
    return Response(shown, HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})


def _show(key: ApiKey) -> Any:  # noqa: ANN401 -- JSON is any value
    return ApiKeyAnswer(key).data

"""Programs that belong to an organization; people alone decide about them."""

from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import ServiceAccount
from accounts.roles import Permission, Role
from accounts.serializers.keys import (
    ROLES,
    NewServiceAccount,
    ServiceAccountAnswer,
    ServiceAccountChange,
    ServiceAccountPage,
)
from opencore.authentication import for_people, principal_of, require_step_up
from opencore.idempotency import repeatable
from opencore.rest import (
    Filter,
    Listing,
    Sort,
    answer_version,
    changes_version,
    check_if_match,
    etag_of,
    read_body,
    shows_version,
)

SERVICE_ACCOUNTS = Listing(
    model=ServiceAccount,
    filters=(
        Filter(name="role", lookups=("in",), one_of=tuple(role for role, _ in ROLES)),
    ),
    sorts=(
        Sort(
            name="created_at",
            key=("created_at", "id"),
            index="accounts_programs_of_org",
        ),
    ),
)


def _access(organization_id: UUID, request: Request) -> selectors.Access:
    return selectors.access_to(
        organization_id, principal_of(request), Permission.SERVICE_ACCOUNTS_MANAGE
    )


def _proved_access(organization_id: UUID, request: Request) -> selectors.Access:
    access = _access(organization_id, request)
    require_step_up(request, now=timezone.now())
    return access


class ServiceAccountsView(APIView):
    """The service accounts of an organization."""

    @extend_schema(
        operation_id="list_service_accounts",
        parameters=SERVICE_ACCOUNTS.parameters(),
        responses=ServiceAccountPage,
    )
    @for_people
    def get(self, request: Request, organization_id: UUID) -> Response:
        """List the service accounts, the disabled ones among them."""
        asked = SERVICE_ACCOUNTS.read(request)
        access = _access(organization_id, request)
        accounts = selectors.service_accounts_of(organization=access.organization)
        return asked.page(accounts).answer(_show)

    @extend_schema(
        operation_id="create_service_account",
        request=NewServiceAccount,
        responses={HTTPStatus.CREATED: ServiceAccountAnswer},
    )
    @for_people
    @repeatable
    def post(self, request: Request, organization_id: UUID) -> Response:
        """Let a program be in the organization, in a role that allows no more than yours.

        Asks for a fresh proof of who you are. A name that is taken is refused: 409
        `service_account_name_taken`.
        """
        body = read_body(NewServiceAccount, request)
        role = Role(body["role"])
        access = _proved_access(organization_id, request)
        access.require_lending(role)
        account = services.create_service_account(
            organization_id=organization_id,
            name=body["name"],
            role=role,
            actor_id=access.actor_id,
        )
        return Response(
            _show(account), HTTPStatus.CREATED, headers={"ETag": _etag(account)}
        )


class ServiceAccountView(APIView):
    """One service account."""

    @extend_schema(operation_id="read_service_account", responses=ServiceAccountAnswer)
    @shows_version
    @for_people
    def get(
        self, request: Request, organization_id: UUID, account_id: UUID
    ) -> Response:
        """Show a service account."""
        access = _access(organization_id, request)
        account = selectors.get_service_account(
            organization=access.organization, account_id=account_id
        )
        return answer_version(request, _show(account), etag=_etag(account))

    @extend_schema(
        operation_id="update_service_account",
        request=ServiceAccountChange,
        responses=ServiceAccountAnswer,
    )
    @changes_version
    @for_people
    def patch(
        self, request: Request, organization_id: UUID, account_id: UUID
    ) -> Response:
        """Change name or role of the version that If-Match names.

        The role holds for its keys at once; neither the old nor the new one may allow
        more than yours. Asks for a fresh proof of who you are.
        """
        body = read_body(ServiceAccountChange, request)
        access = _proved_access(organization_id, request)
        account = services.update_service_account(
            organization_id=organization_id,
            account_id=account_id,
            changes=body,
            actor_id=access.actor_id,
            check=partial(_check, request, access, body),
        )
        return Response(_show(account), headers={"ETag": _etag(account)})

    @extend_schema(
        operation_id="disable_service_account",
        responses={HTTPStatus.NO_CONTENT: None},
    )
    @for_people
    def delete(
        self, request: Request, organization_id: UUID, account_id: UUID
    ) -> Response:
        """Let a program do nothing any more, for good; its keys are revoked.

        Asks for a fresh proof of who you are.
        """
        access = _proved_access(organization_id, request)
        services.disable_service_account(
            organization_id=organization_id,
            account_id=account_id,
            actor_id=access.actor_id,
            now=timezone.now(),
        )
        return Response(status=HTTPStatus.NO_CONTENT)


def _check(
    request: Request,
    access: selectors.Access,
    changes: dict[str, Any],
    account: ServiceAccount,
) -> None:
    check_if_match(request, etag=_etag(account))
    if "role" in changes:
        access.require_lending(Role(account.role))
        access.require_lending(Role(changes["role"]))


def _etag(account: ServiceAccount) -> str:
    return etag_of(account.id, account.version)


def _show(account: ServiceAccount) -> Any:  # noqa: ANN401 -- JSON is any value
    return ServiceAccountAnswer(account).data

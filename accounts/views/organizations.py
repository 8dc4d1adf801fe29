"""Organizations."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import Membership
from accounts.serializers.organizations import (
    NewOrganization,
    OrganizationAnswer,
    OrganizationPage,
)
from opencore.authentication import caller_of, principal_of
from opencore.idempotency import repeatable
from opencore.rest import Filter, Listing, Sort, read_body

ORGANIZATIONS = Listing(
    model=Membership,
    filters=(
        Filter(name="role", lookups=("in",), one_of=tuple(Membership.Role.values)),
    ),
    sorts=(
        Sort(
            name="created_at", key=("created_at", "id"), index="accounts_orgs_of_user"
        ),
    ),
)


class OrganizationsView(APIView):
    """The organizations of the person who asks."""

    @extend_schema(
        operation_id="list_organizations",
        parameters=ORGANIZATIONS.parameters(),
        responses=OrganizationPage,
    )
    def get(self, request: Request) -> Response:
        """List the organizations that the caller belongs to."""
        asked = ORGANIZATIONS.read(request)
        memberships = selectors.memberships_of_user(
            user_id=principal_of(request).user_id
        )
        return asked.page(memberships).answer(_show_organization)

    @extend_schema(
        operation_id="create_organization",
        request=NewOrganization,
        responses={HTTPStatus.CREATED: OrganizationAnswer},
    )
    @repeatable
    def post(self, request: Request) -> Response:
        """Open an organization; the caller becomes its owner."""
        body = read_body(NewOrganization, request)
        user = selectors.get_active_user(user_id=principal_of(request).user_id)
        organization = services.create_organization(name=body["name"], actor_id=user.id)
        membership = selectors.membership_in(
            organization_id=organization.id, user_id=user.id
        )
        return Response(_show_organization(membership), HTTPStatus.CREATED)


class OrganizationView(APIView):
    """One organization."""

    @extend_schema(operation_id="read_organization", responses=OrganizationAnswer)
    def get(self, request: Request, organization_id: UUID) -> Response:
        """Show an organization to its members."""
        access = selectors.access_to(organization_id, caller_of(request))
        return Response(_show_organization(access))


def _show_organization(membership: Membership | selectors.Access) -> Any:  # noqa: ANN401 -- JSON is any value
    return OrganizationAnswer(membership).data

"""Organizations."""

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
from accounts.models import Membership, Organization
from accounts.roles import NEEDS_STEP_UP, PERMISSIONS, Permission
from accounts.serializers.organizations import (
    NewOrganization,
    OrganizationAnswer,
    OrganizationChange,
    OrganizationPage,
    RolesAnswer,
)
from opencore.authentication import (
    caller_of,
    for_people,
    principal_of,
    require_step_up,
)
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

# Whom a setting concerns that not everybody who may change the rest may change.
GUARDED_SETTINGS = {
    "mfa_required": Permission.MFA_POLICY,
    "session_max_age": Permission.MFA_POLICY,
    "allowed_domains": Permission.DOMAINS_MANAGE,
}


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
        """Open an organization; the caller becomes its owner.

        Without a slug it gets one that is made of the name; a slug that is taken is
        refused: 409 `slug_taken`.
        """
        body = read_body(NewOrganization, request)
        user = selectors.get_active_user(user_id=principal_of(request).user_id)
        organization = services.create_organization(
            name=body["name"], slug=body.get("slug"), actor_id=user.id
        )
        membership = selectors.membership_in(
            organization_id=organization.id, user_id=user.id
        )
        return Response(
            _show_organization(membership),
            HTTPStatus.CREATED,
            headers={"ETag": _etag(membership.organization)},
        )


class OrganizationView(APIView):
    """One organization."""

    @extend_schema(operation_id="read_organization", responses=OrganizationAnswer)
    @shows_version
    def get(self, request: Request, organization_id: UUID) -> Response:
        """Show an organization to its members."""
        access = selectors.access_to(organization_id, caller_of(request))
        return answer_version(
            request, _show_organization(access), etag=_etag(access.organization)
        )

    @extend_schema(
        operation_id="update_organization",
        request=OrganizationChange,
        responses=OrganizationAnswer,
    )
    @changes_version
    def patch(self, request: Request, organization_id: UUID) -> Response:
        """Change name, slug or settings of the version that If-Match names.

        What is left out stays. Who may join, and how people must prove who they are,
        asks for a permission of its own; the latter for a fresh proof as well.
        """
        body, now = read_body(OrganizationChange, request), timezone.now()
        caller = caller_of(request)
        access = selectors.access_to(organization_id, caller, Permission.ORG_UPDATE)
        for name in body.get("settings", {}):
            _require_setting(access, request, name)
        services.update_organization(
            organization_id=organization_id,
            changes=body,
            actor_id=access.actor_id,
            check=partial(_check_version, request),
            now=now,
        )
        changed = selectors.access_to(organization_id, caller)
        return Response(
            _show_organization(changed),
            headers={"ETag": _etag(changed.organization)},
        )

    @extend_schema(
        operation_id="delete_organization", responses={HTTPStatus.NO_CONTENT: None}
    )
    @for_people
    def delete(self, request: Request, organization_id: UUID) -> Response:
        """Delete an organization: nothing of it is shown or used any more.

        For owners, with a fresh proof of who they are.
        """
        now = timezone.now()
        access = selectors.access_to(
            organization_id, principal_of(request), Permission.ORG_DELETE
        )
        require_step_up(request, now=now)
        services.delete_organization(
            organization_id=organization_id, actor_id=access.actor_id, now=now
        )
        return Response(status=HTTPStatus.NO_CONTENT)


class RolesView(APIView):
    """What each role may do."""

    @extend_schema(operation_id="list_roles", responses=RolesAnswer)
    def get(self, request: Request, organization_id: UUID) -> Response:
        """Show all roles and what each allows, the mightiest first."""
        selectors.access_to(organization_id, caller_of(request))
        roles = [
            {
                "role": role.value,
                "permissions": sorted(allowed),
                "step_up": sorted(allowed & NEEDS_STEP_UP),
            }
            for role, allowed in PERMISSIONS.items()
        ]
        return Response({"data": roles})


def _require_setting(access: selectors.Access, request: Request, name: str) -> None:
    permission = GUARDED_SETTINGS.get(name, Permission.ORG_UPDATE)
    access.require(permission)
    if permission not in NEEDS_STEP_UP:
        return
    caller = require_step_up(request, now=timezone.now())
    if name == "mfa_required":
        # Who demands it of others is not to lock themselves out.
        selectors.require_two_factors(caller)


def _check_version(request: Request, organization: Organization) -> None:
    check_if_match(request, etag=_etag(organization))


def _etag(organization: Organization) -> str:
    return etag_of(organization.id, organization.version)


def _show_organization(membership: Membership | selectors.Access) -> Any:  # noqa: ANN401 -- JSON is any value
    return OrganizationAnswer(membership).data

"""Who belongs to an organization."""

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import Membership
from accounts.roles import Permission, Role
from accounts.serializers.members import (
    MemberAnswer,
    MemberChange,
    MemberPage,
    NewMember,
)
from accounts.views.opening import in_person
from opencore.authentication import caller_of, for_people, principal_of
from opencore.idempotency import repeatable
from opencore.rest import TIME, Filter, Listing, Sort, read_body

MEMBERS = Listing(
    model=Membership,
    filters=(
        Filter(name="role", lookups=("in",), one_of=tuple(Membership.Role.values)),
        Filter(name="status", lookups=("in",), one_of=tuple(Membership.Status.values)),
        Filter(name="created_at", kind=TIME, lookups=("gte", "lt")),
    ),
    sorts=(
        Sort(
            name="created_at", key=("created_at", "id"), index="accounts_members_of_org"
        ),
    ),
)


class MembersView(APIView):
    """Who belongs to an organization."""

    @extend_schema(
        operation_id="list_members",
        parameters=MEMBERS.parameters(),
        responses=MemberPage,
    )
    def get(self, request: Request, organization_id: UUID) -> Response:
        """List the members to each other."""
        asked = MEMBERS.read(request)
        access = selectors.access_to(
            organization_id, caller_of(request), Permission.MEMBERS_READ
        )
        members = selectors.members_of(organization=access.organization)
        return asked.page(members).answer(_show_member)

    @extend_schema(
        operation_id="add_member",
        request=NewMember,
        responses={HTTPStatus.CREATED: MemberAnswer},
    )
    @repeatable
    def post(self, request: Request, organization_id: UUID) -> Response:
        """Make a user a member; owners add anybody, admins all but owners."""
        body = read_body(NewMember, request)
        role = Membership.Role(body["role"])
        access = selectors.access_to(
            organization_id, caller_of(request), Permission.MEMBERS_INVITE
        )
        access.require_grant(role)
        organization = access.organization
        user = selectors.get_user_to_add(
            user_id=body.get("user_id"), email=body.get("email")
        )
        services.add_member(
            organization_id=organization.id,
            user_id=user.id,
            role=role,
            actor_id=access.actor_id,
        )
        membership = selectors.members_of(organization=organization).get(user=user)
        return Response(_show_member(membership), HTTPStatus.CREATED)


class MemberView(APIView):
    """One member of an organization."""

    @extend_schema(
        operation_id="change_member", request=MemberChange, responses=MemberAnswer
    )
    def patch(self, request: Request, organization_id: UUID, user_id: UUID) -> Response:
        """Give a member another role, or suspend or resume them.

        Nobody gives or takes more than they have; everybody may lower themselves. The
        last owner stays one: 409 `last_owner`.
        """
        body = read_body(MemberChange, request)
        access = selectors.access_to(organization_id, caller_of(request))
        needed = (
            Permission.ROLES_ASSIGN if "role" in body else Permission.MEMBERS_REMOVE
        )
        if "role" in body and user_id == access.actor_id:
            principal_of(request)
        else:
            access.require(needed)
        _change(body)(
            organization_id=organization_id,
            user_id=user_id,
            own_role=access.role,
            actor_id=access.actor_id,
        )
        members = selectors.members_of(organization=access.organization)
        return Response(_show_member(members.get(user_id=user_id)))

    @extend_schema(
        operation_id="remove_member", responses={HTTPStatus.NO_CONTENT: None}
    )
    def delete(
        self, request: Request, organization_id: UUID, user_id: UUID
    ) -> Response:
        """Leave, or remove somebody; the last owner stays: 409 `last_owner`."""
        access = selectors.access_to(organization_id, caller_of(request))
        # Everybody may remove themselves.
        if user_id == access.actor_id:
            principal_of(request)
        else:
            access.require(Permission.MEMBERS_REMOVE)
        services.remove_member(
            organization_id=organization_id,
            user_id=user_id,
            own_role=access.role,
            actor_id=access.actor_id,
        )
        return Response(status=HTTPStatus.NO_CONTENT)


class LeaveView(APIView):
    """Ended memberships of those who ask."""

    @extend_schema(
        operation_id="leave_organization",
        request=None,
        responses={HTTPStatus.NO_CONTENT: None},
    )
    @for_people
    def post(self, request: Request, organization_id: UUID) -> Response:
        """Leave an organization; the last owner stays: 409 `last_owner`."""
        access = selectors.access_to(organization_id, in_person(request))
        services.remove_member(
            organization_id=organization_id,
            user_id=access.actor_id,
            actor_id=access.actor_id,
        )
        return Response(status=HTTPStatus.NO_CONTENT)


def _change(body: Mapping[str, Any]) -> Callable[..., None]:
    if "role" in body:
        return partial(services.change_role_of_member, role=Role(body["role"]))
    if body["status"] == Membership.Status.SUSPENDED:
        return services.suspend_member
    return services.resume_member


def _show_member(membership: Membership) -> Any:  # noqa: ANN401 -- JSON is any value
    return MemberAnswer(membership).data

"""Who is asked to join an organization."""

from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import Invitation
from accounts.roles import Permission, Role
from accounts.serializers.invitations import (
    InvitationAnswer,
    InvitationPage,
    NewInvitation,
)
from opencore.authentication import caller_of
from opencore.idempotency import repeatable
from opencore.rest import TIME, Filter, Listing, Sort, read_body

INVITATIONS = Listing(
    model=Invitation,
    filters=(
        Filter(name="status", lookups=("in",), one_of=selectors.STATUSES),
        Filter(name="role", lookups=("in",), one_of=tuple(Role.values)),
        Filter(name="created_at", kind=TIME, lookups=("gte", "lt")),
    ),
    sorts=(
        Sort(
            name="created_at",
            key=("created_at", "id"),
            index="accounts_invitations_of_org",
        ),
    ),
)


class InvitationsView(APIView):
    """The invitations of an organization."""

    @extend_schema(
        operation_id="list_invitations",
        parameters=INVITATIONS.parameters(),
        responses=InvitationPage,
    )
    def get(self, request: Request, organization_id: UUID) -> Response:
        """List who was asked to join to those who may ask."""
        asked, now = INVITATIONS.read(request), timezone.now()
        access = _access(organization_id, request)
        invitations = selectors.invitations_of(
            organization=access.organization, now=now
        )
        return asked.page(invitations).answer(_show)

    @extend_schema(
        operation_id="create_invitation",
        request=NewInvitation,
        responses={HTTPStatus.CREATED: InvitationAnswer},
    )
    @repeatable
    def post(self, request: Request, organization_id: UUID) -> Response:
        """Mail a link to an address, by which who has it becomes a member.

        The answer is the same whether anybody has an account with the address. Nobody
        gives more than they have. Good for a week, and for one open invitation each.
        """
        body, now = read_body(NewInvitation, request), timezone.now()
        access = _access(organization_id, request)
        role = Role(body["role"])
        access.require_grant(role)
        invitation = services.invite(
            organization_id=organization_id,
            email=body["email"],
            role=role,
            actor_id=access.actor_id,
            now=now,
        )
        return Response(_show_now(access, invitation, now), HTTPStatus.CREATED)


class InvitationResendView(APIView):
    """Invitations that go out once more."""

    @extend_schema(
        operation_id="resend_invitation", request=None, responses=InvitationAnswer
    )
    def post(
        self, request: Request, organization_id: UUID, invitation_id: UUID
    ) -> Response:
        """Mail a new link, good for a week; the links before are good for nothing."""
        now = timezone.now()
        access = _access(organization_id, request)
        invitation = services.resend_invitation(
            organization_id=organization_id,
            invitation_id=invitation_id,
            own_role=access.role,
            actor_id=access.actor_id,
            now=now,
        )
        return Response(_show_now(access, invitation, now))


class InvitationRevocationView(APIView):
    """Invitations that are taken back."""

    @extend_schema(
        operation_id="revoke_invitation", request=None, responses=InvitationAnswer
    )
    def post(
        self, request: Request, organization_id: UUID, invitation_id: UUID
    ) -> Response:
        """Let the invitation be good for nothing."""
        now = timezone.now()
        access = _access(organization_id, request)
        invitation = services.revoke_invitation(
            organization_id=organization_id,
            invitation_id=invitation_id,
            own_role=access.role,
            actor_id=access.actor_id,
            now=now,
        )
        return Response(_show_now(access, invitation, now))


def _access(organization_id: UUID, request: Request) -> selectors.Access:
    return selectors.access_to(
        organization_id, caller_of(request), Permission.MEMBERS_INVITE
    )


def _show_now(access: selectors.Access, invitation: Invitation, now: datetime) -> Any:  # noqa: ANN401 -- JSON is any value
    found = selectors.invitations_of(organization=access.organization, now=now)
    return _show(found.get(id=invitation.id))


def _show(invitation: Invitation) -> Any:  # noqa: ANN401 -- JSON is any value
    return InvitationAnswer(invitation).data

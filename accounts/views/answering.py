"""What people are asked to join, and how they answer."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import Invitation
from accounts.serializers.fields import ListQuery
from accounts.serializers.invitations import OwnInvitation, OwnInvitationPage
from accounts.serializers.organizations import OrganizationAnswer
from accounts.views.opening import NOT_TO_BE_KEPT, OpenView, in_person
from opencore.authentication import principal_of
from opencore.brakes import hold_back
from opencore.rest import page, read_query


class LinkView(OpenView):
    """The invitation that a link leads to."""

    @extend_schema(operation_id="read_invitation", responses=OwnInvitation)
    def get(self, request: Request, token: str) -> Response:
        """Show who asks whom to join what, to who has the link; no account is needed.

        A link that is wrong, too old, replaced or answered leads nowhere: 404.
        """
        hold_back(request, group="invitations", rate=settings.INVITATION_READ_RATE)
        invitation = selectors.open_invitation_by_token(token=token, now=timezone.now())
        return Response(_show(invitation), headers=NOT_TO_BE_KEPT)


class LinkAcceptanceView(APIView):
    """Memberships that come of a link."""

    @extend_schema(
        operation_id="accept_invitation", request=None, responses=OrganizationAnswer
    )
    def post(self, request: Request, token: str) -> Response:
        """Join by a link, signed in with the address that it was sent to."""
        user = selectors.get_active_user(user_id=in_person(request).user_id)
        invitation = selectors.invitation_by_token(token=token)
        return _accept(invitation, user.id)


class OwnInvitationsView(APIView):
    """The invitations of the person who asks."""

    @extend_schema(
        operation_id="list_own_invitations",
        parameters=[ListQuery],
        responses=OwnInvitationPage,
    )
    def get(self, request: Request) -> Response:
        """List what the caller is asked to join, the newest invitation first."""
        read_query(ListQuery, request)
        user = selectors.get_active_user(user_id=principal_of(request).user_id)
        invitations = selectors.invitations_to(user=user, now=timezone.now())
        return page(invitations, request).answer(_show)


class OwnInvitationAcceptanceView(APIView):
    """Memberships of the person who asks."""

    @extend_schema(
        operation_id="accept_own_invitation",
        request=None,
        responses=OrganizationAnswer,
    )
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Join, as one was asked to by an invitation to one's address."""
        invitation = _own(request, invitation_id)
        return _accept(invitation, in_person(request).user_id)


class OwnInvitationDeclineView(APIView):
    """Invitations that the person who asks does not want."""

    @extend_schema(
        operation_id="decline_own_invitation",
        request=None,
        responses={HTTPStatus.NO_CONTENT: None},
    )
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Let the invitation be good for nothing."""
        services.decline_invitation(
            invitation_id=_own(request, invitation_id).id,
            user_id=in_person(request).user_id,
            now=timezone.now(),
        )
        return Response(status=HTTPStatus.NO_CONTENT)


def _own(request: Request, invitation_id: UUID) -> Invitation:
    user = selectors.get_active_user(user_id=in_person(request).user_id)
    return selectors.invitation_to(user=user, invitation_id=invitation_id)


def _accept(invitation: Invitation, user_id: UUID) -> Response:
    services.accept_invitation(
        invitation_id=invitation.id, user_id=user_id, now=timezone.now()
    )
    membership = selectors.membership_in(
        organization_id=invitation.organization_id, user_id=user_id
    )
    return Response(OrganizationAnswer(membership).data)


def _show(invitation: Invitation) -> Any:  # noqa: ANN401 -- JSON is any value
    return OwnInvitation(invitation).data

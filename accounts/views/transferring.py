"""The ownership of an organization, from one member to another."""

from http import HTTPStatus
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.roles import Permission
from accounts.serializers.organizations import OrganizationAnswer
from accounts.serializers.transferring import (
    NewTransfer,
    OpenTransferAnswer,
    TransferAnswer,
)
from accounts.views.opening import in_person
from opencore.authentication import for_people, principal_of, require_step_up
from opencore.idempotency import repeatable
from opencore.rest import read_body


class TransferView(APIView):
    """The offer of an organization's ownership."""

    @extend_schema(operation_id="read_ownership_transfer", responses=OpenTransferAnswer)
    @for_people
    def get(self, request: Request, organization_id: UUID) -> Response:
        """Show to the members what offer is open; `transfer` is null without one."""
        access = selectors.access_to(organization_id, principal_of(request))
        transfer = selectors.open_transfer_of(
            organization=access.organization, now=timezone.now()
        )
        shown = None if transfer is None else TransferAnswer(transfer).data
        return Response({"transfer": shown})

    @extend_schema(
        operation_id="offer_ownership",
        request=NewTransfer,
        responses={HTTPStatus.CREATED: TransferAnswer},
    )
    @for_people
    @repeatable
    def post(self, request: Request, organization_id: UUID) -> Response:
        """Offer the ownership to a member, who has a week to accept it.

        For owners, with a fresh proof of who they are. Until it is accepted nothing
        changes; then the member is an owner, and who offered it an admin.
        """
        body, now = read_body(NewTransfer, request), timezone.now()
        access = selectors.access_to(
            organization_id, principal_of(request), Permission.OWNERSHIP_TRANSFER
        )
        require_step_up(request, now=now)
        transfer = services.offer_ownership(
            organization_id=organization_id,
            to_user_id=body["user_id"],
            actor_id=access.actor_id,
            now=now,
        )
        return Response(TransferAnswer(transfer).data, HTTPStatus.CREATED)


class TransferAcceptanceView(APIView):
    """Ownerships that are accepted."""

    @extend_schema(
        operation_id="accept_ownership", request=None, responses=OrganizationAnswer
    )
    @for_people
    def post(self, request: Request, organization_id: UUID) -> Response:
        """Become an owner, as one was offered; with a fresh proof of who one is."""
        caller, now = principal_of(request), timezone.now()
        selectors.access_to(organization_id, caller)
        require_step_up(request, now=now)
        services.accept_ownership(
            organization_id=organization_id, actor_id=caller.user_id, now=now
        )
        access = selectors.access_to(organization_id, caller)
        return Response(OrganizationAnswer(access).data)


class TransferCancellationView(APIView):
    """Offers that are taken back or turned down."""

    @extend_schema(
        operation_id="cancel_ownership_transfer",
        request=None,
        responses={HTTPStatus.NO_CONTENT: None},
    )
    @for_people
    def post(self, request: Request, organization_id: UUID) -> Response:
        """End the offer: who made it may, who got it, and every owner."""
        access = selectors.access_to(organization_id, in_person(request))
        services.cancel_transfer(
            organization_id=organization_id,
            actor_id=access.actor_id,
            now=timezone.now(),
        )
        return Response(status=HTTPStatus.NO_CONTENT)

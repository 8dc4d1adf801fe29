"""Where staff acts as people, with a reason and for a few minutes."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import Impersonation
from accounts.serializers.impersonating import (
    ActingAnswer,
    ImpersonationAnswer,
    ImpersonationPage,
    ImpersonationsQuery,
    NewImpersonation,
)
from accounts.views.opening import NOT_TO_BE_KEPT, device_of
from opencore.authentication import Principal, principal_of, require_step_up
from opencore.context import Actor, act_as
from opencore.permissions import IsStaff
from opencore.rest import page, read_body, read_query


class ImpersonationsView(APIView):
    """Staff who act as people."""

    permission_classes = (IsStaff,)

    @extend_schema(
        operation_id="list_impersonations",
        parameters=[ImpersonationsQuery],
        responses=ImpersonationPage,
    )
    def get(self, request: Request) -> Response:
        """List who acted as whom and why, the newest first; to support its own."""
        query, caller = read_query(ImpersonationsQuery, request), principal_of(request)
        found = selectors.impersonations(
            user_id=query.get("user_id"),
            impersonator_id=None if caller.is_operator else caller.user_id,
        )
        return page(found, request, key=("started_at", "id")).answer(_show)

    @extend_schema(
        operation_id="start_impersonation",
        request=NewImpersonation,
        responses={HTTPStatus.CREATED: ActingAnswer},
    )
    def post(self, request: Request) -> Response:
        """Act as a person for a few minutes, after a fresh proof of who asks.

        The person is told, with the reason. Support only looks; so do operators unless
        they say otherwise. What needs a fresh proof, and sessions, addresses, factors
        and data requests, nobody changes as somebody else.
        """
        body, now = read_body(NewImpersonation, request), timezone.now()
        caller = _as_staff(require_step_up(request, now=now))
        acting = services.start_impersonation(
            **body, actor_id=caller.user_id, now=now, **device_of(request)
        )
        answer = {
            **_show(acting.impersonation),
            "access_token": acting.access_token,
            "token_type": "Bearer",
            "expires_in": int(acting.expires_in.total_seconds()),
        }
        return Response(answer, HTTPStatus.CREATED, headers=NOT_TO_BE_KEPT)


class ImpersonationView(APIView):
    """One of the staff who acts as a person."""

    permission_classes = (IsStaff,)

    @extend_schema(
        operation_id="end_impersonation", responses={HTTPStatus.NO_CONTENT: None}
    )
    def delete(self, request: Request, impersonation_id: UUID) -> Response:
        """Act as a person no more: gateways refuse the token at once."""
        caller = _as_staff(principal_of(request))
        services.end_impersonation(
            impersonation_id=impersonation_id,
            actor_id=caller.user_id,
            now=timezone.now(),
        )
        return Response(status=HTTPStatus.NO_CONTENT)


def _as_staff(caller: Principal) -> Principal:
    act_as(Actor(kind="staff", actor_id=caller.user_id, session_id=caller.session_id))
    return caller


def _show(impersonation: Impersonation) -> Any:  # noqa: ANN401 -- JSON is any value
    return ImpersonationAnswer(impersonation).data

"""Where the person who asks is signed in."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.models import Session
from accounts.serializers.fields import ListQuery
from accounts.serializers.sessions import (
    CurrentSessionAnswer,
    OrganizationChoice,
    SessionAnswer,
    SessionLabel,
    SessionPage,
    SessionsEnded,
)
from accounts.views.opening import NOT_TO_BE_KEPT, in_person
from opencore.authentication import Principal, principal_of
from opencore.rest import page, read_body, read_query


class SessionsView(APIView):
    """The sessions of the person who asks."""

    @extend_schema(
        operation_id="list_sessions", parameters=[ListQuery], responses=SessionPage
    )
    def get(self, request: Request) -> Response:
        """List where the caller is signed in, the newest session first."""
        read_query(ListQuery, request)
        caller = principal_of(request)
        sessions = selectors.live_sessions_of(
            user_id=caller.user_id, now=timezone.now()
        )
        return page(sessions, request).answer(lambda row: _show(row, caller))


class SessionView(APIView):
    """One session of the person who asks."""

    @extend_schema(
        operation_id="label_session", request=SessionLabel, responses=SessionAnswer
    )
    def patch(self, request: Request, session_id: UUID) -> Response:
        """Call the device what the caller calls it."""
        body, caller = read_body(SessionLabel, request), in_person(request)
        session = services.label_session(
            session_id=session_id,
            user_id=caller.user_id,
            label=body["device_label"],
            now=timezone.now(),
        )
        return Response(_show(session, caller))

    @extend_schema(operation_id="end_session", responses={HTTPStatus.NO_CONTENT: None})
    def delete(self, request: Request, session_id: UUID) -> Response:
        """Sign out there; its tokens are refused at once."""
        services.end_own_session(
            session_id=session_id,
            user_id=in_person(request).user_id,
            now=timezone.now(),
        )
        return Response(status=HTTPStatus.NO_CONTENT)


class OtherSessionsEndingView(APIView):
    """The end of all sessions but the one that asks."""

    @extend_schema(
        operation_id="end_other_sessions", request=None, responses=SessionsEnded
    )
    def post(self, request: Request) -> Response:
        """Sign out everywhere but here."""
        caller = in_person(request)
        ended = services.end_own_sessions(
            user_id=caller.user_id, kept_id=caller.session_id, now=timezone.now()
        )
        return Response({"ended": ended})


class AllSessionsEndingView(APIView):
    """The end of all sessions."""

    @extend_schema(
        operation_id="end_all_sessions", request=None, responses=SessionsEnded
    )
    def post(self, request: Request) -> Response:
        """Sign out everywhere, here too."""
        ended = services.end_own_sessions(
            user_id=in_person(request).user_id, kept_id=None, now=timezone.now()
        )
        return Response({"ended": ended})


class CurrentSessionView(APIView):
    """The session that asks."""

    @extend_schema(operation_id="read_session", responses=CurrentSessionAnswer)
    def get(self, request: Request) -> Response:
        """Show how sure it is who asks, until when, and where they work."""
        caller = principal_of(request)
        session = selectors.get_live_session(
            session_id=caller.session_id, user_id=caller.user_id, now=timezone.now()
        )
        return _answer_current(session, caller)


class SwitchView(APIView):
    """Where the person who asks works."""

    @extend_schema(
        operation_id="switch_organization",
        request=OrganizationChoice,
        responses=CurrentSessionAnswer,
    )
    def post(self, request: Request) -> Response:
        """Go on in this organization; tokens name it first from the next refresh on."""
        body, caller = read_body(OrganizationChoice, request), principal_of(request)
        organization_id = body["organization_id"]
        if organization_id is not None:
            selectors.access_to(organization_id, caller)
        session = services.work_in(
            session_id=caller.session_id,
            user_id=caller.user_id,
            organization_id=organization_id,
            now=timezone.now(),
        )
        return _answer_current(session, caller)


def _answer_current(session: Session, caller: Principal) -> Response:
    session.organization_id = selectors.organization_worked_in(session=session)
    answer = CurrentSessionAnswer(session, context={"session_id": caller.session_id})
    return Response(answer.data, headers=NOT_TO_BE_KEPT)


def _show(session: Session, caller: Principal) -> Any:  # noqa: ANN401 -- JSON is any value
    return SessionAnswer(session, context={"session_id": caller.session_id}).data

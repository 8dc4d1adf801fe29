"""Proving anew who one is, in the session that goes on."""

from http import HTTPStatus

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services
from accounts.serializers.signing_in import TokensAnswer
from accounts.serializers.stepping_up import StepUpAsked, StepUpVerification
from accounts.views.opening import (
    NOT_TO_BE_KEPT,
    device_of,
    hold_back_person,
    in_person,
)
from accounts.views.signing_in import show_asked, show_tokens
from opencore.rest import read_body

NOT_MAILED = {"challenge_id": None, "expires_in": None, "resend_after": None}


class StepUpsView(APIView):
    """Codes for who is signed in."""

    @extend_schema(
        operation_id="begin_step_up",
        request=None,
        responses={HTTPStatus.ACCEPTED: StepUpAsked},
    )
    def post(self, request: Request) -> Response:
        """Mail a code to the caller, or say that their second factor is asked for."""
        caller = in_person(request)
        hold_back_person(
            request, caller, group="auth.step_up", rate=settings.CODE_REQUEST_RATE
        )
        asked = services.begin_step_up(
            user_id=caller.user_id,
            now=timezone.now(),
            **device_of(request),
        )
        mailed = NOT_MAILED if asked.mailed is None else show_asked(asked.mailed)
        answer = {"factors": list(asked.factors), **mailed}
        return Response(answer, HTTPStatus.ACCEPTED, headers=NOT_TO_BE_KEPT)


class StepUpVerificationsView(APIView):
    """Fresh proofs of who is signed in."""

    @extend_schema(
        operation_id="finish_step_up",
        request=StepUpVerification,
        responses=TokensAnswer,
    )
    def post(self, request: Request) -> Response:
        """Tell the code; the new tokens of the session say when it was proved.

        The mailed code names its challenge; a code of the second factor names none.
        Where there is a second factor, nothing else is enough: 403 `mfa_required`.
        """
        body, caller = read_body(StepUpVerification, request), in_person(request)
        hold_back_person(
            request, caller, group="auth.factor", rate=settings.CODE_VERIFY_RATE
        )
        tokens = services.finish_step_up(
            user_id=caller.user_id,
            session_id=caller.session_id,
            challenge_id=body["challenge_id"],
            code=body["code"],
            now=timezone.now(),
        )
        return Response(show_tokens(tokens), headers=NOT_TO_BE_KEPT)

"""The address of the person who asks, and how they get another one."""

from http import HTTPStatus

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import selectors, services
from accounts.serializers.people import EmailChange, UserAnswer
from accounts.serializers.signing_in import CodeRequested, CodeVerification
from accounts.views.opening import NOT_TO_BE_KEPT, device_of, in_person
from accounts.views.people import etag_of_user
from accounts.views.signing_in import show_asked
from opencore.authentication import Principal, require_step_up
from opencore.brakes import hold_back
from opencore.idempotency import repeatable
from opencore.rest import read_body


class EmailChangesView(APIView):
    """A new address for the person who asks."""

    @extend_schema(
        operation_id="request_email_change",
        request=EmailChange,
        responses={HTTPStatus.ACCEPTED: CodeRequested},
    )
    @repeatable
    def post(self, request: Request) -> Response:
        """Send a code to a new address, after a fresh proof of who asks.

        Whether somebody has the address changes nothing about the answer.
        """
        now = timezone.now()
        caller = require_step_up(request, now=now)
        _hold_back(request, caller, "asking", settings.CODE_REQUEST_RATE)
        body = read_body(EmailChange, request)
        user = selectors.get_active_user(user_id=caller.user_id)
        asked = services.request_email_change(
            user_id=user.id, email=body["email"], now=now, **device_of(request)
        )
        return Response(show_asked(asked), HTTPStatus.ACCEPTED, headers=NOT_TO_BE_KEPT)


class EmailChangeVerificationsView(APIView):
    """Answers to the challenges of new addresses."""

    @extend_schema(
        operation_id="verify_email_change",
        request=CodeVerification,
        responses=UserAnswer,
    )
    def post(self, request: Request) -> Response:
        """Take the new address by telling its code; all other sessions are ended.

        The address before is told. Where another account has the new one: 409
        `email_taken`.
        """
        caller = in_person(request)
        _hold_back(request, caller, "telling", settings.CODE_VERIFY_RATE)
        body = read_body(CodeVerification, request)
        user = services.change_email(
            user_id=caller.user_id,
            challenge_id=body["challenge_id"],
            code=body["code"],
            kept_session_id=caller.session_id,
            actor_id=caller.user_id,
            now=timezone.now(),
        )
        headers = {**NOT_TO_BE_KEPT, "ETag": etag_of_user(user)}
        return Response(UserAnswer(user).data, headers=headers)


def _hold_back(request: Request, caller: Principal, deed: str, rate: str) -> None:
    hold_back(
        request,
        group=f"users.email.{deed}",
        rate=rate,
        key=lambda _: str(caller.user_id),
    )

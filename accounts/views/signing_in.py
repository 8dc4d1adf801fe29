"""Signing in, renewing tokens and signing out."""

from http import HTTPStatus

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors, services
from accounts.serializers.invitations import OwnInvitation
from accounts.serializers.people import UserAnswer
from accounts.serializers.signing_in import (
    CodeRequest,
    CodeRequested,
    CodeVerification,
    FactorAsked,
    FactorVerification,
    RefreshBody,
    SignedInAnswer,
    TokensAnswer,
)
from accounts.views.opening import NOT_TO_BE_KEPT, OpenView, device_of
from opencore.brakes import hold_back
from opencore.rest import read_body

# So many are shown to who signs in; the list has all.
MOST_INVITATIONS = 20


class CodeRequestsView(OpenView):
    """Sign-in codes."""

    @extend_schema(
        operation_id="request_code",
        request=CodeRequest,
        responses={HTTPStatus.ACCEPTED: CodeRequested},
    )
    def post(self, request: Request) -> Response:
        """Send a sign-in code to an address, known or not; the answer never differs."""
        hold_back(request, group="auth.otp", rate=settings.CODE_REQUEST_RATE)
        body = read_body(CodeRequest, request)
        asked = services.request_code(
            email=body["email"], now=timezone.now(), **device_of(request)
        )
        return Response(show_asked(asked), HTTPStatus.ACCEPTED, headers=NOT_TO_BE_KEPT)


class CodeVerificationsView(OpenView):
    """Answers to challenges."""

    @extend_schema(
        operation_id="verify_code",
        request=CodeVerification,
        responses={
            HTTPStatus.OK: SignedInAnswer,
            HTTPStatus.ACCEPTED: FactorAsked,
        },
    )
    def post(self, request: Request) -> Response:
        """Sign in by telling the code; a first sign-in makes the address a user.

        Who has a second factor gets 202 and a ticket instead of tokens.
        """
        hold_back(request, group="auth.verify", rate=settings.CODE_VERIFY_RATE)
        body = read_body(CodeVerification, request)
        outcome = services.verify_code(
            challenge_id=body["challenge_id"],
            code=body["code"],
            now=timezone.now(),
            **device_of(request),
        )
        if isinstance(outcome, services.FactorAsked):
            return _ask_for_factor(outcome)
        return _answer(outcome)


class SecondFactorsView(OpenView):
    """Second factors of who told the mailed code."""

    @extend_schema(
        operation_id="verify_second_factor",
        request=FactorVerification,
        responses=SignedInAnswer,
    )
    def post(self, request: Request) -> Response:
        """Sign in by a code of the second factor, with the ticket that asked for it.

        Five wrong codes use a ticket up: 429 `too_many_attempts`.
        """
        hold_back(request, group="auth.factor", rate=settings.CODE_VERIFY_RATE)
        body = read_body(FactorVerification, request)
        signed_in = services.verify_second_factor(
            ticket=body["ticket"],
            code=body["code"],
            now=timezone.now(),
            **device_of(request),
        )
        return _answer(signed_in)


class RefreshView(OpenView):
    """Renewed tokens."""

    @extend_schema(
        operation_id="refresh_session", request=RefreshBody, responses=TokensAnswer
    )
    def post(self, request: Request) -> Response:
        """Exchange the newest refresh token for new tokens; each is good for one use.

        Using one again ends the session: 401 `refresh_reused`. Only within ten seconds
        of its use the last one gets the same new tokens, for tabs and lost answers.
        """
        body = read_body(RefreshBody, request)
        tokens = services.refresh_session(
            refresh_token=body["refresh_token"], now=timezone.now()
        )
        return Response(show_tokens(tokens), headers=NOT_TO_BE_KEPT)


class LogoutView(OpenView):
    """Ended sessions."""

    @extend_schema(
        operation_id="log_out",
        request=RefreshBody,
        responses={HTTPStatus.NO_CONTENT: None},
    )
    def post(self, request: Request) -> Response:
        """End the session of a refresh token; doing it twice is no error."""
        body = read_body(RefreshBody, request)
        services.log_out(refresh_token=body["refresh_token"], now=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT, headers=NOT_TO_BE_KEPT)


def show_tokens(tokens: services.Tokens) -> dict[str, object]:
    """Return tokens as clients get them."""
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": "Bearer",
        "expires_in": int(tokens.expires_in.total_seconds()),
    }


def show_asked(asked: services.Asked) -> dict[str, object]:
    """Return what somebody who asked for a code is told."""
    return {
        "challenge_id": asked.challenge_id,
        "expires_in": int(asked.expires_in.total_seconds()),
        "resend_after": int(asked.resend_after.total_seconds()),
    }


def _answer(signed_in: services.SignedIn) -> Response:
    asked = selectors.invitations_to(user=signed_in.user, now=timezone.now())
    newest = asked.order_by("-created_at", "-id")[:MOST_INVITATIONS]
    answer = {
        **show_tokens(signed_in.tokens),
        "user": UserAnswer(signed_in.user).data,
        "invitations": OwnInvitation(newest, many=True).data,
    }
    return Response(answer, headers=NOT_TO_BE_KEPT)


def _ask_for_factor(asked: services.FactorAsked) -> Response:
    answer = {
        "mfa_required": True,
        "ticket": asked.ticket,
        "expires_in": int(asked.expires_in.total_seconds()),
        "factors": list(asked.factors),
    }
    return Response(answer, HTTPStatus.ACCEPTED, headers=NOT_TO_BE_KEPT)

"""The second factors of the person who asks."""

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
from accounts.models import Authenticator
from accounts.serializers.factors import (
    AuthenticatorAnswer,
    AuthenticatorName,
    AuthenticatorPage,
    NewAuthenticatorAnswer,
    RecoveryCodesAnswer,
    TotpCodeBody,
)
from accounts.serializers.fields import ListQuery
from accounts.views.opening import NOT_TO_BE_KEPT, hold_back_person
from opencore.authentication import principal_of, require_step_up
from opencore.rest import page, read_body, read_query


class AuthenticatorsView(APIView):
    """The authenticators of the person who asks."""

    @extend_schema(
        operation_id="list_authenticators",
        parameters=[ListQuery],
        responses=AuthenticatorPage,
    )
    def get(self, request: Request) -> Response:
        """List the caller's authenticators, the newest first, without their secrets."""
        read_query(ListQuery, request)
        mine = selectors.authenticators_of(user_id=principal_of(request).user_id)
        return page(mine, request).answer(_show)

    @extend_schema(
        operation_id="add_authenticator",
        request=AuthenticatorName,
        responses={HTTPStatus.CREATED: NewAuthenticatorAnswer},
    )
    def post(self, request: Request) -> Response:
        """Get the secret for an authenticator app, after a fresh proof of who asks.

        It is asked for from the moment it is confirmed by its first code, within an hour.
        """
        body = read_body(AuthenticatorName, request)
        caller = require_step_up(request, now=timezone.now())
        made = services.begin_authenticator(user_id=caller.user_id, name=body["name"])
        answer = {**_show(made.authenticator), "secret": made.secret, "uri": made.uri}
        return Response(answer, HTTPStatus.CREATED, headers=NOT_TO_BE_KEPT)


class AuthenticatorView(APIView):
    """One authenticator."""

    @extend_schema(
        operation_id="remove_authenticator", responses={HTTPStatus.NO_CONTENT: None}
    )
    def delete(self, request: Request, authenticator_id: UUID) -> Response:
        """Ask for no second factor any more, after a fresh proof by it.

        Other sessions end, and the recovery codes are good for nothing.
        """
        now = timezone.now()
        caller = require_step_up(request, now=now)
        services.remove_authenticator(
            authenticator_id=authenticator_id,
            user_id=caller.user_id,
            session_id=caller.session_id,
            now=now,
        )
        return Response(status=HTTPStatus.NO_CONTENT)


class ConfirmationView(APIView):
    """The first code of an authenticator."""

    @extend_schema(
        operation_id="confirm_authenticator",
        request=TotpCodeBody,
        responses=AuthenticatorAnswer,
    )
    def post(self, request: Request, authenticator_id: UUID) -> Response:
        """Tell the first code; from now on the authenticator is asked for.

        All other sessions end. Tokens say `aal` 2 from the next refresh on.
        """
        body, now = read_body(TotpCodeBody, request), timezone.now()
        caller = require_step_up(request, now=now)
        hold_back_person(
            request, caller, group="auth.factor", rate=settings.CODE_VERIFY_RATE
        )
        authenticator = services.confirm_authenticator(
            authenticator_id=authenticator_id,
            user_id=caller.user_id,
            session_id=caller.session_id,
            code=body["code"],
            now=now,
        )
        return Response(_show(authenticator))


class RecoveryCodesView(APIView):
    """The recovery codes of the person who asks."""

    @extend_schema(
        operation_id="make_recovery_codes",
        request=None,
        responses={HTTPStatus.CREATED: RecoveryCodesAnswer},
    )
    def post(self, request: Request) -> Response:
        """Get new recovery codes, shown once; those of before are good for nothing.

        Each stands in once for the authenticator. After a fresh proof by both factors.
        """
        now = timezone.now()
        caller = require_step_up(request, now=now)
        hold_back_person(
            request, caller, group="auth.recovery", rate=settings.CODE_REQUEST_RATE
        )
        codes = services.make_recovery_codes(
            user_id=caller.user_id, session_id=caller.session_id, now=now
        )
        return Response({"codes": codes}, HTTPStatus.CREATED, headers=NOT_TO_BE_KEPT)


def _show(authenticator: Authenticator) -> Any:  # noqa: ANN401 -- JSON is any value
    return AuthenticatorAnswer(authenticator).data

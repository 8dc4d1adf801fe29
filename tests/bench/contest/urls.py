"""One small view, as OpenCore serves it and as a team would guard it by itself."""

import json
from typing import cast

import jwt
from django.conf import settings
from django.urls import include, path
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

from tests.bench.contest.kilobyte import BODY

ANSWER = json.loads(BODY)


class Small(APIView):
    """Answers with one kilobyte, whoever the default classes let in."""

    def get(self, request: Request) -> Response:
        """Answer."""
        return Response(ANSWER)


class Caller:
    """Whoever the token names."""

    is_authenticated = True

    def __init__(self, user_id: str) -> None:
        self.pk = user_id


class TokenAuthentication(BaseAuthentication):
    """Reads the bearer token with PyJWT."""

    def authenticate(self, request: Request) -> tuple[Caller, None] | None:
        """Return who asks, or refuse."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims = jwt.decode(
                token,
                settings.JWT_SIGNING_KEY,
                algorithms=["HS384"],
                issuer=settings.PUBLIC_URL,
                options={"require": ["exp", "iss", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise AuthenticationFailed from error
        return Caller(claims["sub"]), None

    def authenticate_header(self, request: Request) -> str:
        """Return what a 401 says."""
        return "Bearer"


class CallerThrottle(SimpleRateThrottle):
    """Counts in Redis, by user."""

    scope = "user"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """Return where this user is counted."""
        return f"throttle:{cast('Caller', request.user).pk}"


class Guarded(Small):
    """The same view, which looks after tokens and limits itself."""

    authentication_classes = (TokenAuthentication,)
    throttle_classes = (CallerThrottle,)


urlpatterns = [
    path("v1/notifications/small", Small.as_view()),
    path("guarded/small", Guarded.as_view()),
    path("", include("gateway_proxy.urls")),
]

"""A gateway as a team would write it today: a DRF view, PyJWT, a throttle, a client.

It runs in an environment of its own: `gunicorn tests.bench.peers.today.service:app`.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, cast

import django
from django.conf import settings

WORLD: Mapping[str, str] = json.loads(os.environ["BENCH_WORLD"])

if not settings.configured:
    settings.configure(
        ROOT_URLCONF="tests.bench.peers.today.service",
        SECRET_KEY="of the bench alone",
        ALLOWED_HOSTS=["127.0.0.1"],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
        ],
        INSTALLED_APPS=["rest_framework"],
        CACHES={
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": WORLD["redis"],
            }
        },
        REST_FRAMEWORK={
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "DEFAULT_THROTTLE_RATES": {"user": "1000000/s"},
            "UNAUTHENTICATED_USER": None,
        },
        USE_TZ=True,
    )
    django.setup()

import jwt  # noqa: E402 -- once Django is set up
from django.core.wsgi import get_wsgi_application  # noqa: E402 -- as above
from django.http import HttpResponse  # noqa: E402 -- as above
from django.urls import path  # noqa: E402 -- as above
from rest_framework.authentication import BaseAuthentication  # noqa: E402 -- as above
from rest_framework.exceptions import AuthenticationFailed  # noqa: E402 -- as above
from rest_framework.permissions import IsAuthenticated  # noqa: E402 -- as above
from rest_framework.request import Request  # noqa: E402 -- as above
from rest_framework.throttling import SimpleRateThrottle  # noqa: E402 -- as above
from rest_framework.views import APIView  # noqa: E402 -- as above

# Method, URL, headers, body; returns status, headers, body.
Send = Callable[[str, str, dict[str, str], bytes], Any]


class Caller:
    """Whoever the token names."""

    is_authenticated = True

    def __init__(self, claims: dict[str, Any]) -> None:
        self.pk = claims["sub"]
        self.role = claims["role"]


class TokenAuthentication(BaseAuthentication):
    """Reads the bearer token with PyJWT."""

    def authenticate(self, request: Request) -> tuple[Caller, str] | None:
        """Return who asks, or refuse."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            claims = jwt.decode(
                token,
                WORLD["key"],
                algorithms=["HS384"],
                issuer=WORLD["issuer"],
                options={"require": ["exp", "iss", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise AuthenticationFailed from error
        return Caller(claims), token

    def authenticate_header(self, _request: Request) -> str:
        """Return what a 401 says."""
        return "Bearer"


class CallerThrottle(SimpleRateThrottle):
    """Counts in Redis, by user."""

    scope = "user"

    def get_cache_key(self, request: Request, _view: object) -> str:
        """Return where this user is counted."""
        return f"throttle:{cast('Caller', request.user).pk}"


class Proxy(APIView):
    """Forwards what may pass."""

    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)
    throttle_classes = (CallerThrottle,)

    def forward(self, request: Request, rest: str) -> HttpResponse:
        """Answer with what the upstream said."""
        caller = cast("Caller", request.user)
        headers = {
            "Accept": request.headers.get("Accept", "*/*"),
            "X-User-Id": str(caller.pk),
            "X-User-Role": caller.role,
            "X-Forwarded-For": request.META["REMOTE_ADDR"],
        }
        url = f"{WORLD['upstream']}/v1/{rest}"
        answer = SEND(str(request.method), url, headers, request.body)
        response = HttpResponse(answer.content, status=answer.status_code)
        response["Content-Type"] = answer.headers.get("Content-Type", "")
        return response

    get = post = put = patch = delete = forward


def _by_requests() -> Send:
    import requests  # noqa: PLC0415 -- in its own environment
    from requests.adapters import (  # noqa: PLC0415 -- as above
        HTTPAdapter,
    )

    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=32))
    return lambda method, url, headers, body: session.request(
        method, url, headers=headers, data=body, timeout=10
    )


def _by_httpx() -> Send:
    import httpx  # type: ignore[import-not-found]  # noqa: PLC0415 -- in its own environment

    client = httpx.Client(timeout=10)
    return lambda method, url, headers, body: client.request(
        method, url, headers=headers, content=body
    )


SEND = {"requests": _by_requests, "httpx": _by_httpx}[WORLD["client"]]()
urlpatterns = [path("<path:rest>", Proxy.as_view())]
app = get_wsgi_application()

"""A browser in which somebody is signed in, with the tokens of a real session."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.services import Tokens
from accounts.services.sessions import BY_CODE, open_session
from opencore.tokens import read_access


@dataclass
class Browser:
    """What a person asks of the API from one device."""

    tokens: Tokens

    @classmethod
    def showing(cls, answer: dict[str, Any]) -> "Browser":
        """Return a browser that shows the tokens of an answer."""
        return cls(
            Tokens(
                access_token=answer["access_token"],
                refresh_token=answer["refresh_token"],
                expires_in=timedelta(seconds=answer["expires_in"]),
            )
        )

    @property
    def session_id(self) -> UUID:
        return read_access(self.tokens.access_token).session_id

    @property
    def session(self) -> Session:
        return Session.objects.get(id=self.session_id)

    def get(self, path: str) -> HttpResponseBase:
        return self.ask("GET", path)

    def post(self, path: str, body: object = None) -> HttpResponseBase:
        return self.ask("POST", path, body)

    def ask(self, method: str, path: str, body: object = None) -> HttpResponseBase:
        return Client().generic(
            method,
            path,
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.tokens.access_token}"},
        )


def browser_of(
    user: User, *, user_agent: str = "Browser/1", methods: tuple[str, ...] = BY_CODE
) -> Browser:
    """Sign somebody in on a new device."""
    tokens = open_session(
        user=user,
        ip="192.0.2.7",
        user_agent=user_agent,
        now=timezone.now(),
        methods=methods,
    )
    return Browser(tokens)

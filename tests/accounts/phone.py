"""Somebody's phone: an app that shows codes, and how it comes to be asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import pyotp
from django.http.response import HttpResponseBase
from django.utils import timezone

from accounts.models import Authenticator, Challenge, User
from accounts.services import begin_authenticator, confirm_authenticator
from tests.accounts.browser import Browser
from tests.accounts.visitor import Visitor, mailed_code
from tests.api import body_of

STEP = timedelta(seconds=30)


@dataclass(frozen=True)
class Phone:
    """An authenticator app that knows one secret."""

    authenticator_id: UUID
    secret: str

    def code(self, at: datetime | None = None) -> str:
        return pyotp.TOTP(self.secret).at(at or timezone.now())

    def unused_code(self) -> str:
        """Return a code that is good now and newer than any that was used."""
        used = Authenticator.objects.get(id=self.authenticator_id).last_counter
        step = int(timezone.now().timestamp()) // 30
        newer = max(step, (used or 0) + 1)
        return pyotp.TOTP(self.secret).generate_otp(newer)

    def wrong_code(self) -> str:
        """Return a code that is none of those that are good about now."""
        now = timezone.now()
        right = {self.code(now + times * STEP) for times in range(-3, 4)}
        return next(
            code for code in map(str, range(100_000, 100_010)) if code not in right
        )


def phone_of(
    user: User, *, session_id: UUID | None = None, now: datetime | None = None
) -> Phone:
    """Let somebody be asked for a second factor, since a while ago unless told."""
    confirmed_at = now or timezone.now() - timedelta(minutes=10)
    made = begin_authenticator(user_id=user.id, name="Phone")
    phone = Phone(made.authenticator.id, made.secret)
    confirm_authenticator(
        authenticator_id=phone.authenticator_id,
        user_id=user.id,
        session_id=session_id,
        code=phone.code(confirmed_at),
        now=confirmed_at,
    )
    return phone


def told(visitor: Visitor, email: str) -> HttpResponseBase:
    """Ask for a code, and tell it."""
    visitor.post("/v1/auth/otp", {"email": email})
    challenge = Challenge.objects.filter(purpose="login").live().get(email=email)
    return visitor.post(
        "/v1/auth/otp/verify",
        {"challenge_id": str(challenge.id), "code": mailed_code(challenge)},
    )


def ticket_of(visitor: Visitor, email: str) -> str:
    """Tell the mailed code; return the ticket that it was good for."""
    return cast("str", body_of(told(visitor, email))["ticket"])


def in_two_steps(visitor: Visitor, user: User, phone: Phone) -> Browser:
    """Sign in by mail and phone."""
    ticket = ticket_of(visitor, user.email)
    answer = visitor.post(
        "/v1/auth/mfa/verify", {"ticket": ticket, "code": phone.unused_code()}
    )
    return Browser.showing(body_of(answer))

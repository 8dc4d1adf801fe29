"""What operators decide about people."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts import selectors, services
from accounts.admin.decisions import Decision, Why
from accounts.admin.parts import actor_of, require_proof
from accounts.models import DataRequest, Session, User
from opencore.middleware import address_or_none, user_agent_of

HOURS = (("1", "an hour"), ("24", "a day"), ("168", "a week"))


class HowLong(Why):
    """For how long, and why."""

    hours = forms.ChoiceField(choices=HOURS, label="For")


class WhichRole(Why):
    """What a user shall be, and why."""

    role = forms.ChoiceField(choices=User.Role.choices)


class WhichData(Why):
    """What is asked for in a user's name, and why."""

    kind = forms.ChoiceField(choices=DataRequest.Kind.choices)


class HowToAct(Why):
    """Why staff acts as a user, and whether it only looks."""

    read_only = forms.BooleanField(
        required=False, initial=True, label="Only look, change nothing"
    )


def end_sessions(request: HttpRequest, user: User, _: dict[str, Any]) -> str:
    """Sign a user out everywhere."""
    ended = services.end_sessions(
        user_id=user.id,
        reason=Session.RevokeReason.OPERATOR,
        actor_id=actor_of(request),
        now=timezone.now(),
    )
    return f"Ended {ended} sessions."


def lock(request: HttpRequest, user: User, said: dict[str, Any]) -> str:
    """Let a user's address get no codes for a while."""
    now = timezone.now()
    until = now + timedelta(hours=int(said["hours"]))
    services.lock_sign_in(
        user_id=user.id, until=until, actor_id=actor_of(request), now=now
    )
    return f"No codes go to this address until {until:%Y-%m-%d %H:%M} UTC."


def unlock(request: HttpRequest, user: User, _: dict[str, Any]) -> str:
    """Let a user's address get codes again."""
    services.unlock_sign_in(user_id=user.id, actor_id=actor_of(request))
    return "This address gets codes again."


def deactivate(request: HttpRequest, user: User, _: dict[str, Any]) -> str:
    """Lock a user out."""
    services.deactivate_user(
        user_id=user.id, actor_id=actor_of(request), now=timezone.now()
    )
    return "This person is signed out everywhere, and can't sign in."


def activate(request: HttpRequest, user: User, _: dict[str, Any]) -> str:
    """Let a user sign in again."""
    services.activate_user(user_id=user.id, actor_id=actor_of(request))
    return "This person can sign in again."


def change_role(request: HttpRequest, user: User, said: dict[str, Any]) -> str:
    """Make a user one of the staff, or take that back."""
    role = User.Role(said["role"])
    services.change_role(
        user_id=user.id, role=role, actor_id=actor_of(request), now=timezone.now()
    )
    return f"This person's role is {role.value} now; they have to sign in again."


def request_data(request: HttpRequest, user: User, said: dict[str, Any]) -> str:
    """Ask for a user's data or its erasure in their name."""
    made = services.request_data(
        user_id=user.id,
        kind=DataRequest.Kind(said["kind"]),
        actor_id=actor_of(request),
        reason=said["reason"],
        now=timezone.now(),
    )
    return f"It begins at {made.not_before:%Y-%m-%d %H:%M} UTC; the person is told."


def impersonate(request: HttpRequest, user: User, said: dict[str, Any]) -> HttpResponse:
    """Show a token, once, by which staff acts as a user."""
    now = timezone.now()
    require_proof(request, now=now)
    acting = services.start_impersonation(
        user_id=user.id,
        reason=said["reason"],
        read_only=said["read_only"],
        actor_id=actor_of(request),
        ip=address_or_none(request),
        user_agent=user_agent_of(request),
        now=now,
    )
    context = {
        **admin.site.each_context(request),
        "title": f"You act as {user}",
        "acting": acting,
        "original": user,
        "public_url": settings.PUBLIC_URL,
    }
    response = TemplateResponse(request, "admin/accounts/acting.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _is_locked(user: User) -> bool:
    return selectors.locked_until(email=user.email, now=timezone.now()) is not None


DECISIONS = (
    Decision(
        "impersonate",
        "Act as this person",
        "You get a token of the API that is good for a few minutes. The person is told"
        " by mail, with the reason that you give, and can end it.",
        impersonate,
        HowToAct,
        lambda user: user.is_active and user.role == User.Role.USER,
    ),
    Decision(
        "end-sessions",
        "End all sessions",
        "The person is signed out everywhere; gateways refuse their tokens at once.",
        end_sessions,
    ),
    Decision(
        "lock",
        "Lock sign-in",
        "No codes go to this address for a while. Where they are signed in they stay so.",
        lock,
        HowLong,
        lambda user: not _is_locked(user),
    ),
    Decision(
        "unlock",
        "Unlock sign-in",
        "Codes go to this address again, and wrong ones are forgotten.",
        unlock,
        Why,
        _is_locked,
    ),
    Decision(
        "deactivate",
        "Deactivate",
        "The person is signed out everywhere and can't sign in, until you take it back.",
        deactivate,
        Why,
        lambda user: user.is_active,
    ),
    Decision(
        "activate",
        "Activate again",
        "The person can sign in again.",
        activate,
        Why,
        lambda user: not user.is_active and user.erased_at is None,
    ),
    Decision(
        "role",
        "Change role",
        "Operators run this deployment; support looks at what people see. The person has"
        " to sign in again.",
        change_role,
        WhichRole,
        lambda user: user.erased_at is None,
    ),
    Decision(
        "data-request",
        "Start data request",
        "A copy of the person's data, which they are told of and fetch themselves; or its"
        " erasure, which they can take back for some days.",
        request_data,
        WhichData,
        lambda user: user.erased_at is None,
    ),
)

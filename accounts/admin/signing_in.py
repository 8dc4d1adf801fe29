"""Operators sign in: what comes after the password is a mailed code, then an app's."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast
from uuid import UUID

import segno
from django import forms
from django.contrib import admin
from django.contrib.auth import login
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.generic import FormView

from accounts import services
from accounts.admin.parts import note_proof
from accounts.models import User
from opencore.admin import OpenCoreAdminSite
from opencore.brakes import hold_back
from opencore.errors import DomainError
from opencore.middleware import address_or_none, user_agent_of
from opencore.sealing import seal, unseal

PROOF_RATE = "15/m"
# So long somebody who told the password has for the rest.
PENDING_FOR = timedelta(minutes=15)
KEY = "opencore.sign_in"
BACKEND = "django.contrib.auth.backends.ModelBackend"

Stage = Literal["code", "factor", "enroll"]


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that goes on, as the browser's session keeps it."""

    user_id: str
    # Of the password that was told: a new one ends this.
    password: str
    challenge_id: str
    began_at: str
    going_to: str
    stage: Stage = "code"
    authenticator_id: str = ""
    sealed_secret: str = ""
    uri: str = ""

    @classmethod
    def of(cls, request: HttpRequest, *, now: datetime) -> "Pending | None":
        """Return the sign-in that goes on in this browser, if there is one."""
        kept = request.session.get(KEY)
        if kept is None:
            return None
        pending = cls(**kept)
        began_at = datetime.fromisoformat(pending.began_at)
        return pending if now < began_at + PENDING_FOR else None

    def keep(self, request: HttpRequest, **changes: str) -> None:
        """Note it, with what is different now."""
        request.session[KEY] = {**asdict(self), **changes}

    def user(self) -> User | None:
        """Return who signs in, if they still may."""
        operators = User.objects.filter(is_active=True, is_staff=True)
        user = operators.filter(id=self.user_id).first()
        if user is None or user.get_session_auth_hash() != self.password:
            return None
        return user


class CodeForm(forms.Form):
    """A code."""

    code = forms.CharField(
        max_length=32,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autofocus": True}
        ),
    )


class PasswordView(LoginView):
    """The password, after which a code is mailed and nobody is signed in."""

    def form_valid(self, form: Any) -> HttpResponse:  # noqa: ANN401 -- the form is generic
        """Mail a code to who told the right password."""
        user, now = cast("User", form.get_user()), timezone.now()
        try:
            asked = services.begin_operator_sign_in(
                user=user,
                ip=address_or_none(self.request),
                user_agent=user_agent_of(self.request),
                now=now,
            )
        except DomainError as refusal:
            form.add_error(None, refusal.detail)
            return self.form_invalid(form)
        Pending(
            user_id=str(user.id),
            password=user.get_session_auth_hash(),
            challenge_id=str(asked.challenge_id),
            began_at=now.isoformat(),
            going_to=self.get_success_url(),
        ).keep(self.request)
        return HttpResponseRedirect(reverse("admin:proof"))


if TYPE_CHECKING:
    CodePage = FormView[CodeForm]
else:
    # Django's class takes no parameter at run time, mypy's wants one.
    CodePage = FormView


class ProofView(CodePage):
    """The mailed code, then that of an authenticator, which is added if there is none."""

    template_name = "accounts/proof.html"
    form_class = CodeForm
    pending: Pending
    user: User

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """Let those on who told a password in this browser just now."""
        if request.method == "POST":
            hold_back(request, group="admin.proof", rate=PROOF_RATE)
        pending = Pending.of(request, now=timezone.now())
        user = None if pending is None else pending.user()
        if pending is None or user is None:
            return HttpResponseRedirect(reverse("admin:login"))
        self.pending, self.user = pending, user
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Show what is asked for, and the secret of an app that is being added."""
        pending = self.pending
        context = {
            **admin.site.each_context(self.request),
            "title": "Sign in",
            "app_path": self.request.get_full_path(),
            "stage": pending.stage,
            "email": self.user.email,
        }
        if pending.stage == "enroll":
            context |= _secret_of(pending)
        return super().get_context_data(**context, **kwargs)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        """Go on to the next step; after the last one they are in."""
        code = "".join(form.cleaned_data["code"].split())
        try:
            done = self._take(code, timezone.now())
        except DomainError as refusal:
            form.add_error("code", refusal.detail)
            return self.form_invalid(form)
        return self._let_in() if done else HttpResponseRedirect(reverse("admin:proof"))

    def _take(self, code: str, now: datetime) -> bool:
        if self.pending.stage == "code":
            self._take_mailed(code, now)
            return False
        if self.pending.stage == "factor":
            services.prove_operator(user=self.user, code=code, now=now)
            return True
        services.confirm_authenticator(
            authenticator_id=UUID(self.pending.authenticator_id),
            user_id=self.user.id,
            session_id=None,
            code=code,
            now=now,
        )
        return True

    def _take_mailed(self, code: str, now: datetime) -> None:
        has_none = services.tell_operator_code(
            user_id=self.user.id,
            challenge_id=UUID(self.pending.challenge_id),
            code=code,
            now=now,
        )
        if not has_none:
            self.pending.keep(self.request, stage="factor")
            return
        made = services.begin_authenticator(user_id=self.user.id, name="Admin")
        self.pending.keep(
            self.request,
            stage="enroll",
            authenticator_id=str(made.authenticator.id),
            sealed_secret=seal(made.secret),
            uri=seal(made.uri),
        )

    def _let_in(self) -> HttpResponse:
        going_to = self.pending.going_to
        del self.request.session[KEY]
        login(self.request, self.user, backend=BACKEND)
        note_proof(self.request, now=timezone.now())
        services.note_operator_sign_in(user=self.user)
        return HttpResponseRedirect(going_to)


def _secret_of(pending: Pending) -> Mapping[str, str]:
    uri = unseal(pending.uri)
    return {
        "secret": unseal(pending.sealed_secret),
        "uri": uri,
        "picture": _picture_of(uri),
    }


def _picture_of(uri: str) -> SafeString:
    # Made of numbers alone; the text is inside as black and white.
    return mark_safe(segno.make(uri).svg_inline(scale=4, light="white"))  # noqa: S308 -- as above


site = cast("OpenCoreAdminSite", admin.site)
site.password_view, site.proof_view = PasswordView, ProofView

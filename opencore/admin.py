"""The admin site of operators, and pages that nobody can write on."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.forms import (
    AdminAuthenticationForm,
    AdminPasswordChangeForm,
)
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.db.models import Model
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from opencore.brakes import hold_back

SIGN_IN_RATE = "5/m"

if TYPE_CHECKING:
    Page = admin.ModelAdmin[Any]
else:
    # Django's class takes no parameter at run time, mypy's wants one.
    Page = admin.ModelAdmin


class OpenCoreAdminSite(admin.AdminSite):
    """Where operators look at what is wrong, and mend it."""

    site_header = "OpenCore"
    site_title = "OpenCore"
    index_title = "Operations"
    site_url = "/docs"
    # How operators change their own password; accounts says it, the site can't know.
    password_form: type[AdminPasswordChangeForm] = AdminPasswordChangeForm

    # The password, and what comes after it; accounts says both.
    password_view: type[LoginView]
    proof_view: type[View]

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Add the steps of a sign-in that come after the password."""
        proof = path("login/proof/", self.prove, name="proof")
        return [proof, *super().get_urls()]

    @method_decorator(never_cache)
    def login(  # type: ignore[override]  # -- the stub forgets that success redirects
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Ask for the password; a few attempts per minute, by address and by name."""
        if request.method == "POST":
            hold_back(request, group="admin.address", rate=SIGN_IN_RATE)
            hold_back(request, group="admin.name", rate=SIGN_IN_RATE, key=_name)
        elif self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        request.current_app = self.name
        view = self.password_view.as_view(
            authentication_form=AdminAuthenticationForm,
            template_name="admin/login.html",
            next_page="admin:index",
            extra_context={
                **self.each_context(request),
                "title": "Sign in",
                "app_path": request.get_full_path(),
                "username": request.user.get_username(),
                **(extra_context or {}),
            },
        )
        return view(request)

    @method_decorator(never_cache)
    def prove(self, request: HttpRequest) -> HttpResponseBase:
        """Ask for the codes that come after the password."""
        request.current_app = self.name
        return self.proof_view.as_view()(request)

    def password_change(  # type: ignore[override]  # -- the stub forgets that success redirects
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Let operators change their own password."""
        request.current_app = self.name
        view = PasswordChangeView.as_view(
            form_class=self.password_form,
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)


class ReadOnlyAdmin(Page):
    """A page that shows rows and changes none."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- the signature is Django's
        """Refuse."""
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Model | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Model | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse."""
        return False


def _name(request: HttpRequest) -> str:
    return str(request.POST.get("username", "")).strip().lower()[:254]

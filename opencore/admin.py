"""The admin site of operators, and pages that nobody can write on."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

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

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Let a few attempts per minute through, by address and by name."""
        if request.method == "POST":
            hold_back(request, group="admin.address", rate=SIGN_IN_RATE)
            hold_back(request, group="admin.name", rate=SIGN_IN_RATE, key=_name)
        return super().login(request, extra_context)

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

"""What operators decide about one row: on a page that asks why, done by a service."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts.admin.parts import actor_of
from opencore.context import Actor, act_as
from opencore.errors import DomainError

if TYPE_CHECKING:
    Page = admin.ModelAdmin[Any]
else:
    Page = admin.ModelAdmin

LONGEST_REASON = 500
PAGE = "admin/accounts/decide.html"


class Why(forms.Form):
    """Why it is done."""

    reason = forms.CharField(
        max_length=LONGEST_REASON,
        help_text="It stands in the record beside your name; name nobody in it.",
    )


def act_because(request: HttpRequest, reason: str) -> None:
    """Let the rest of the request be recorded as done by staff, and why."""
    act_as(Actor(kind="staff", actor_id=actor_of(request), reason=reason))


@dataclass(frozen=True, slots=True)
class Decision:
    """Something to decide about a row: what it is called, and what it does.

    `perform` returns what was done, in a sentence, or a page of its own.
    """

    name: str
    label: str
    explained: str
    perform: Callable[[HttpRequest, Any, dict[str, Any]], str | HttpResponse]
    form: type[Why] = Why
    offered: Callable[[Any], bool] = lambda _row: True


class DecidingAdmin(Page):
    """A page that changes nothing itself, and offers decisions about each row."""

    change_form_template = "admin/accounts/change_form.html"
    decisions: tuple[Decision, ...] = ()

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Ask for the right to change rows, though none is ever edited."""
        name = f"{self.opts.app_label}.change_{self.opts.model_name}"
        return bool(request.user.is_active and request.user.has_perm(name))

    def get_urls(self) -> list[URLPattern]:
        """Add the page on which a decision is taken."""
        decide = path(
            "<uuid:row_id>/decide/<slug:name>/",
            self.admin_site.admin_view(self.decide),
            name=f"{self.opts.app_label}_{self.opts.model_name}_decide",
        )
        return [decide, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what can be decided about the row."""
        row = context.get("original")
        context["decisions"] = [
            {"label": each.label, "url": self._place(row, each)}
            for each in self.decisions
            if row is not None
            and self.has_decide_permission(request)
            and each.offered(row)
        ]
        context["more"] = self.more_about(row)
        response: HttpResponse = super().render_change_form(
            request, context, *args, **kwargs
        )
        return response

    def more_about(self, row: Model | None) -> list[dict[str, str]]:  # noqa: ARG002 -- for pages that have some
        """Return links to what is shown of the row elsewhere."""
        return []

    def decide(self, request: HttpRequest, row_id: object, name: str) -> HttpResponse:
        """Ask why, and do it; what is refused is said."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        row = self.get_queryset(request).filter(pk=row_id).first()
        decision = self._named(name)
        if row is None or decision is None or not decision.offered(row):
            raise Http404
        form = decision.form(request.POST or None)
        if not form.is_valid():
            return self._ask(request, row, decision, form)
        said = form.cleaned_data
        act_because(request, said["reason"])
        try:
            done = decision.perform(request, row, said)
        except DomainError as refusal:
            form.add_error(None, refusal.detail)
            return self._ask(request, row, decision, form)
        if isinstance(done, HttpResponse):
            return done
        self.message_user(request, done, messages.SUCCESS)
        return HttpResponseRedirect(self._page_of(row))

    def _ask(
        self, request: HttpRequest, row: Model, decision: Decision, form: Why
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"{decision.label}: {row}",
            "original": row,
            "decision": decision,
            "form": form,
            "back": self._page_of(row),
        }
        return TemplateResponse(request, PAGE, context)

    def _named(self, name: str) -> Decision | None:
        return next((each for each in self.decisions if each.name == name), None)

    def _place(self, row: Model, decision: Decision) -> str:
        place = f"admin:{self.opts.app_label}_{self.opts.model_name}_decide"
        return reverse(place, args=[row.pk, decision.name])

    def _page_of(self, row: Model) -> str:
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(page, args=[row.pk])

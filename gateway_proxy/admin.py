"""The pages of the route table: what is changed, by whom, and how to change it."""

import json
from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gateway_proxy.core.differences import Difference, differences
from gateway_proxy.core.documents import TableInvalid, parse_document
from gateway_proxy.errors import VersionUnknown
from gateway_proxy.models import Limit, Plan, PlanAssignment, Route, TableVersion
from gateway_proxy.plantokens import Wish, seal, unseal
from gateway_proxy.selectors import changes_before, latest_published
from gateway_proxy.services import (
    Preview,
    preview_change,
    preview_restore,
    preview_wish,
    publish_table,
    table_document,
)
from opencore.admin import ReadOnlyAdmin
from opencore.errors import DomainError

EXAMPLE = '{\n  "limits": {"address": {"rate": 10}}\n}'
LIST = "admin/gateway_proxy/change_list.html"


@admin.register(TableVersion)
class TableVersions(ReadOnlyAdmin):
    """All that was ever published; the page to change the table is here, too."""

    class Media:
        css = {"all": ["gateway_proxy/admin.css"]}

    list_display = ("version", "moment", "actor", "reason", "restores")
    search_fields = ("=version", "actor", "reason")
    ordering = ("-version",)
    show_full_result_count = False
    actions = None
    change_list_template = LIST
    fields = (
        "version",
        "moment",
        "actor",
        "reason",
        "restores",
        "request_id",
        "all_changes",
    )

    def has_publish_permission(self, request: HttpRequest) -> bool:
        """Ask for the right to add versions, though none is ever typed in."""
        name = "gateway_proxy.add_tableversion"
        return bool(request.user.is_active and request.user.has_perm(name))

    def get_urls(self) -> list[URLPattern]:
        """Add the page on which the table is changed."""
        change = path(
            "change-table/",
            self.admin_site.admin_view(self.change_table),
            name="gateway_proxy_change_table",
        )
        return [change, *super().get_urls()]

    @admin.display(description="published at", ordering="published_at")
    def moment(self, version: TableVersion) -> str:
        """Return when it was published, in UTC."""
        return f"{version.published_at:%Y-%m-%d %H:%M:%S} UTC"

    @admin.display(description="changes of the settings' table")
    def all_changes(self, version: TableVersion) -> SafeString:
        """Return all that the version changes."""
        return format_html('<pre class="gateway-text">{}</pre>', _json(version.changes))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add what the version changed of the one before, and the way back to it."""
        version = context["original"]
        before = changes_before(version=version.version)
        context["differences"] = _in_cells(differences(before, version.changes))
        context["may_publish"] = self.has_publish_permission(request)
        response: HttpResponse = super().render_change_form(
            request, context, *args, **kwargs
        )
        return response

    def change_table(self, request: HttpRequest) -> HttpResponse:
        """Take a change, show what it would do, and publish it with a reason."""
        if not self.has_publish_permission(request):
            raise PermissionDenied
        said = request.POST
        try:
            if "plan_token" in said:
                return self._publish(request, said["plan_token"])
            if "restores" in said:
                preview = preview_restore(version=_version(said["restores"]))
                return self._confirm(request, preview, None)
            if "change" in said:
                change = parse_document(said["change"])
                return self._confirm(request, preview_change(change=change), change)
        except DomainError as refusal:
            return self._ask(request, problems=_in_lines(refusal))
        return self._ask(request)

    def _publish(self, request: HttpRequest, token: str) -> HttpResponse:
        actor, reason = _actor(request), request.POST.get("reason", "")
        wish = unseal(token, actor=actor)
        with transaction.atomic():
            version = publish_table(
                preview=preview_wish(wish=wish), actor=actor, reason=reason
            )
            user_id = cast("UUID", request.user.pk)
            LogEntry.objects.log_actions(user_id, [version], ADDITION, reason)
        self.message_user(request, f"Published as {version}.", messages.SUCCESS)
        page = "admin:gateway_proxy_tableversion_change"
        return HttpResponseRedirect(reverse(page, args=[version.version]))

    def _confirm(
        self, request: HttpRequest, preview: Preview, change: dict[str, Any] | None
    ) -> HttpResponse:
        wish = Wish(preview.based_on, change, preview.restores)
        return self._page(
            request,
            title="Publish this change of the route table?",
            caption=f"What would be different from version {preview.based_on}",
            differences=_in_cells(preview.differences),
            plan_token=seal(wish, actor=_actor(request)),
        )

    def _ask(
        self, request: HttpRequest, problems: tuple[str, ...] = ()
    ) -> HttpResponse:
        latest = latest_published()
        try:
            table = _json(table_document(published=latest))
        except TableInvalid as error:
            table = str(error)
        return self._page(
            request,
            title="Change the route table",
            problems=problems,
            change=request.POST.get("change", EXAMPLE),
            latest=latest,
            changes=_json(latest.changes),
            table=table,
        )

    def _page(self, request: HttpRequest, **context: Any) -> HttpResponse:
        template = "admin/gateway_proxy/tableversion/change_table.html"
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, template, {**shared, **context})


class ChangedRows(ReadOnlyAdmin):
    """Rows of the latest version; they change by publishing another one."""

    actions = None
    change_list_template = LIST
    show_full_result_count = False


@admin.register(Route)
class Routes(ChangedRows):
    """Routes that are not, or not wholly, as the settings say."""

    list_display = ("prefix", "enabled", "upstreams", "cost", "when_down")
    search_fields = ("prefix",)
    ordering = ("prefix",)


@admin.register(Limit)
class Limits(ChangedRows):
    """Limits that are not as the settings say, and those of routes and plans."""

    list_display = ("name", "plan", "route", "rate", "burst", "shadow")
    list_select_related = ("plan", "route")
    list_filter = ("name", "plan")
    ordering = ("plan_id", "route__prefix", "name")


@admin.register(Plan)
class Plans(ChangedRows):
    """Plans, whose limits stand among the limits."""

    list_display = ("name",)
    ordering = ("name",)


@admin.register(PlanAssignment)
class PlanAssignments(ChangedRows):
    """Users and organizations that have a plan."""

    list_display = ("subject_id", "plan")
    list_filter = ("plan",)
    search_fields = ("=subject_id",)
    ordering = ("subject_id",)


def _actor(request: HttpRequest) -> str:
    email: str = getattr(request.user, "email", "")
    return email or request.user.get_username()


def _version(text: str) -> int:
    if not text.isdecimal():
        raise VersionUnknown
    return int(text)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _in_cells(found: Iterable[Difference]) -> list[dict[str, str]]:
    return [_cells(each) for each in found]


def _cells(difference: Difference) -> dict[str, str]:
    return {
        "pointer": difference.pointer,
        "before_text": _cell(difference.before),
        "after_text": _cell(difference.after),
    }


def _cell(value: object) -> str:
    return "" if value is None else json.dumps(value, sort_keys=True)


def _in_lines(refusal: DomainError) -> tuple[str, ...]:
    places = (f"{each.pointer or '/'}: {each.detail}" for each in refusal.errors)
    return tuple(places) or (refusal.detail,)

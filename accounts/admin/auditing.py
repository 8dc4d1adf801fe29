"""The record of who did what, and how far it is proved."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import selectors
from accounts.models import AuditEntry, AuditPersonal
from accounts.selectors.verifying import Verdict, verify_chain
from opencore.admin import ReadOnlyAdmin

# What is looked at while a page is waited for; the rest is the command's.
MOST_ROWS = 50_000
MOST_CHAINS = 50


class ActionFilter(admin.SimpleListFilter):
    """By what was done; the table is not asked which of it there is."""

    title = "action"
    parameter_name = "action"

    def lookups(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        model_admin: Any,  # noqa: ANN401, ARG002 -- the signature is Django's
    ) -> list[tuple[str, str]]:
        """Return all that can be done."""
        return [(each.value, each.value) for each in AuditEntry.Action]

    def queryset(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        queryset: QuerySet[AuditEntry],
    ) -> QuerySet[AuditEntry]:
        """Keep the entries of the action."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(action=chosen)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what; the page of the chains is here, too."""

    list_display = (
        *("occurred_at", "action", "justification", "actor_kind", "actor_id"),
        *("on_behalf_of", "target_id", "organization_id", "outcome"),
    )
    list_filter = ("actor_kind", "outcome", ActionFilter)
    search_fields = (
        *("=entry_id", "=actor_id", "=on_behalf_of", "=target_id"),
        *("=organization_id", "=request_id"),
    )
    ordering = ("-seq",)
    show_full_result_count = False
    change_list_template = "admin/accounts/auditentry/change_list.html"
    fields = (
        *("entry_id", "seq", "occurred_at", "action", "outcome", "actor_kind"),
        *("actor_id", "on_behalf_of", "session_id", "api_key_id", "target_id"),
        *("organization_id", "justification", "metadata", "request_id"),
        *("place", "from_where"),
    )

    def get_urls(self) -> list[URLPattern]:
        """Add the page of the chains, and the one that proves one of them."""
        view = self.admin_site.admin_view
        return [
            path("chains/", view(self.chains), name="accounts_chains"),
            path(
                "chains/<uuid:chain_id>/verify/",
                view(self.verify),
                name="accounts_chain_verify",
            ),
            *super().get_urls(),
        ]

    @admin.display(description="place in the chain")
    def place(self, entry: AuditEntry) -> str:
        """Return the number under which it is sealed."""
        seal = selectors.seal_of(entry=entry)
        if seal is None:
            return "not sealed yet"
        return f"number {seal.number}, sealed at {seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC"

    @admin.display(description="where from")
    def from_where(self, entry: AuditEntry) -> SafeString | str:
        """Return what is personal about it, unless that was erased."""
        part = AuditPersonal.objects.filter(entry_id=entry.seq).first()
        if part is None:
            return ""
        lines = "\n".join(f"{name}: {said}" for name, said in part.data.items())
        return format_html("<pre>{}</pre>", lines)

    def chains(self, request: HttpRequest) -> HttpResponse:
        """Show each chain, how far it is sealed, and how far Kafka can prove it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        named = request.GET.get("chain")
        try:
            found = [selectors.get_chain(chain_id=UUID(named))] if named else None
        except ValueError as error:
            raise Http404 from error
        if found is None:
            found = selectors.chains_sealed_lately(most=MOST_CHAINS)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Chains of the record",
            "chains": found,
        }
        return TemplateResponse(
            request, "admin/accounts/auditentry/chains.html", context
        )

    def verify(self, request: HttpRequest, chain_id: UUID) -> HttpResponse:
        """Follow a chain from its beginning, and say what was found."""
        if request.method != "POST" or not self.has_view_permission(request):
            raise PermissionDenied
        verdict = verify_chain(chain_id=chain_id, most=MOST_ROWS)
        self.message_user(request, _said(verdict), _level(verdict))
        return HttpResponseRedirect(
            f"{reverse('admin:accounts_chains')}?chain={chain_id}"
        )


def _said(verdict: Verdict) -> str:
    finding = verdict.finding
    if finding is not None:
        return (
            f"Chain {verdict.chain_id} is wrong at number {finding.number}, entry"
            f" {finding.entry_id}: {finding.wrong}."
        )
    said = (
        f"Chain {verdict.chain_id}: {verdict.sealed} entries are as they were sealed,"
        f" and Kafka's {verdict.anchors} anchors agree; {verdict.unsealed} wait for"
        " their seal."
    )
    if verdict.sealed < MOST_ROWS:
        return said
    return f"{said} For the rest run: manage.py audit_verify"


def _level(verdict: Verdict) -> int:
    return messages.SUCCESS if verdict.finding is None else messages.ERROR

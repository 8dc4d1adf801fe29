"""Organizations and who belongs to them."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.admin.decisions import DecidingAdmin, Decision, Why, act_because
from accounts.admin.parts import ReadOnlyInline, actor_of, link, links_to_record
from accounts.models import (
    ApiKey,
    AuditExport,
    Invitation,
    Membership,
    Organization,
)
from opencore.admin import Page, ReadOnlyAdmin
from opencore.errors import DomainError

if TYPE_CHECKING:
    Form = ModelForm[Any]
else:
    Form = ModelForm


class MembersOfOrganization(ReadOnlyInline):
    """An organization's members."""

    model = Membership
    owner = "organization"
    related = ("user",)
    fields = ("user", "role", "status", "created_at")
    ordering = ("created_at",)


class InvitationsOfOrganization(ReadOnlyInline):
    """Who was asked to join an organization, and what came of it."""

    model = Invitation
    owner = "organization"
    fields = (*("email", "role", "sent_at", "expires_at", "accepted_at", "revoked_at"),)
    ordering = ("-created_at",)
    show_change_link = False


class KeysOfOrganization(ReadOnlyInline):
    """An organization's API keys, by the part that is no secret."""

    model = ApiKey
    owner = "organization"
    related = ("service_account", "user")
    fields = (
        *("prefix", "name", "service_account", "user", "scopes", "created_at"),
        *("expires_at", "last_used_at", "revoked_at"),
    )
    ordering = ("-created_at",)
    show_change_link = False


def suspend(
    request: HttpRequest, organization: Organization, said: dict[str, Any]
) -> str:
    """Let an organization be read and not used."""
    services.suspend_organization(
        organization_id=organization.id,
        reason=said["reason"],
        actor_id=actor_of(request),
        now=timezone.now(),
    )
    return "It can be read, and not used."


def resume(
    request: HttpRequest, organization: Organization, said: dict[str, Any]
) -> str:
    """Let an organization be used again."""
    services.resume_organization(
        organization_id=organization.id,
        reason=said["reason"],
        actor_id=actor_of(request),
        now=timezone.now(),
    )
    return "It can be used again."


def export(
    request: HttpRequest, organization: Organization, said: dict[str, Any]
) -> str:
    """Let a worker write an organization's record into a file."""
    services.request_audit_export(
        organization_id=organization.id,
        export_format=AuditExport.Format(said["format"]),
        filters={},
        actor_id=actor_of(request),
    )
    return "A worker writes the file; it appears among the exports of the record."


class WhichFormat(Why):
    """How the file is written, and why it is wanted."""

    format = forms.ChoiceField(choices=AuditExport.Format.choices)


@admin.register(Organization)
class OrganizationAdmin(DecidingAdmin, ReadOnlyAdmin):
    """Organizations; who belongs to them is changed on the page of memberships."""

    list_display = ("name", "slug", "status", "id", "created_at")
    list_filter = ("status",)
    search_fields = ("=id", "=slug", "name")
    ordering = ("-created_at",)
    fields = (
        *("id", "name", "slug", "status", "settings", "created_by", "created_at"),
        *("updated_at", "version"),
    )
    inlines = (MembersOfOrganization, InvitationsOfOrganization, KeysOfOrganization)
    decisions = (
        Decision(
            "suspend",
            "Suspend",
            "Its members can read it, and not use it, until you take that back.",
            suspend,
            offered=lambda row: row.status == Organization.Status.ACTIVE,
        ),
        Decision(
            "resume",
            "Resume",
            "Its members can use it again.",
            resume,
            offered=lambda row: row.status == Organization.Status.SUSPENDED,
        ),
        Decision(
            "export",
            "Export the record",
            "All that was done in it, as a file with its digest, kept for a week.",
            export,
            WhichFormat,
        ),
    )

    def more_about(self, row: Model | None) -> list[dict[str, str]]:
        """Return where the record of an organization is, and what it subscribed to."""
        if row is None:
            return []
        return [
            link("All members", "accounts_membership", row.pk),
            *links_to_record(row.pk),
            {
                "label": "Chain",
                "url": f"{reverse('admin:accounts_chains')}?chain={row.pk}",
            },
            link("Exports of the record", "accounts_auditexport", row.pk),
            link("Customer", "billing_customer", row.pk),
            link("Subscriptions", "billing_subscription", row.pk),
        ]


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]  # -- Django's class takes no parameter at run time
    """Who shall belong where, as what, and why."""

    reason = Why.base_fields["reason"]

    class Meta:
        model = Membership
        fields = ("organization", "user", "role")


@admin.register(Membership)
class MembershipAdmin(Page):
    """Who belongs where; members are added and removed, one at a time."""

    list_display = ("user", "organization", "role", "status", "created_at")
    list_filter = ("role", "status")
    delete_confirmation_template = "admin/accounts/membership/delete.html"
    list_select_related = ("user", "organization")
    search_fields = ("=organization__id", "organization__name", "user__email")
    ordering = ("-created_at",)
    form = MembershipForm
    fields = ("organization", "user", "role", "reason")
    autocomplete_fields = ("organization", "user")

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Model | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse: a member is removed and added anew."""
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:  # noqa: ARG002 -- the signature is Django's
        """Offer none: a refusal must be told of one member."""
        return {}

    def save_model(
        self,
        request: HttpRequest,
        obj: Membership,
        form: Form,
        change: bool,  # noqa: ARG002 -- the signature is Django's
    ) -> None:
        """Let the service add the member."""
        act_because(request, form.cleaned_data["reason"])
        added = services.add_member(
            organization_id=obj.organization_id,
            user_id=obj.user_id,
            role=Membership.Role(obj.role),
            actor_id=actor_of(request),
        )
        obj.id = added.id

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Let the service remove the member."""
        act_because(request, request.POST["reason"].strip())
        services.remove_member(
            organization_id=obj.organization_id,
            user_id=obj.user_id,
            actor_id=actor_of(request),
        )

    def delete_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Ask why; say on the list why a member can't be removed."""
        if request.method == "POST" and not request.POST.get("reason", "").strip():
            self.message_user(request, "Say why.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:accounts_membership_changelist"))

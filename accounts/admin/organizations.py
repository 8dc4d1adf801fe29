"""Organizations and who belongs to them."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts import services
from accounts.admin.parts import ReadOnlyInline, actor_of
from accounts.models import (
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
    fields = ("user", "role", "created_at")
    ordering = ("created_at",)


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    """Organizations; who belongs to them is changed on the page of memberships."""

    list_display = ("name", "id", "created_at")
    search_fields = ("=id", "name")
    ordering = ("-created_at",)
    inlines = (MembersOfOrganization,)


@admin.register(Membership)
class MembershipAdmin(Page):
    """Who belongs where; members are added and removed, one at a time."""

    list_display = ("user", "organization", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "organization")
    search_fields = ("=organization__id", "organization__name", "user__email")
    ordering = ("-created_at",)
    fields = ("organization", "user", "role")
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
        form: Form,  # noqa: ARG002 -- the signature is Django's
        change: bool,  # noqa: ARG002 -- the signature is Django's
    ) -> None:
        """Let the service add the member."""
        added = services.add_member(
            organization_id=obj.organization_id,
            user_id=obj.user_id,
            role=Membership.Role(obj.role),
            actor_id=actor_of(request),
        )
        obj.id = added.id

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Let the service remove the member."""
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
        """Say on the list why a member can't be removed."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponseRedirect(reverse("admin:accounts_membership_changelist"))

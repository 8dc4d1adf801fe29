"""Where operators see people and organizations; every write is a service's."""

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import (
    AuditEntry,
    Challenge,
    Membership,
    Organization,
    Session,
    User,
)
from opencore.admin import OpenCoreAdminSite, Page, ReadOnlyAdmin
from opencore.errors import DomainError

if TYPE_CHECKING:
    Inline = admin.TabularInline[Any, Any]
    Form = ModelForm[Any]
else:
    Inline = admin.TabularInline
    Form = ModelForm


class OperatorPasswordForm(AdminPasswordChangeForm):
    """How operators change their own password."""

    def save(self, commit: bool = True) -> User:  # noqa: ARG002 -- the signature is Django's
        """Let the service set it."""
        password = self.cleaned_data["new_password1"]
        services.set_password(user=self.user, password=password, actor_id=self.user.id)
        return self.user


cast("OpenCoreAdminSite", admin.site).password_form = OperatorPasswordForm


class ReadOnlyInline(Inline):
    """Rows beside their owner, which nobody can change there."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Model | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse."""
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Model | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse."""
        return False


class SessionsOfUser(ReadOnlyInline):
    """A user's sessions."""

    model = Session
    fk_name = "user"
    fields = ("created_at", "rotated_at", "expires_at", "revoked_at", "revoke_reason")
    ordering = ("-created_at",)


class MembersOfOrganization(ReadOnlyInline):
    """An organization's members."""

    model = Membership
    fields = ("user", "role", "created_at")
    ordering = ("created_at",)


@admin.register(User)
class UserAdmin(Page):
    """People: their role and whether they may sign in can be changed."""

    list_display = ("email", "name", "role", "is_active", "last_login", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("=id", "email", "name")
    ordering = ("-created_at",)
    fields = ("id", "email", "name", "role", "is_active", "last_login", "created_at")
    readonly_fields = ("id", "email", "name", "last_login", "created_at")
    inlines = (SessionsOfUser,)
    actions = ("end_sessions",)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 -- the signature is Django's
        """Refuse: people become users by signing in."""
        return False

    def has_delete_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Model | None = None,  # noqa: ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse: the record would speak of nobody."""
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: User,
        form: Form,
        change: bool,  # noqa: ARG002 -- the signature is Django's
    ) -> None:
        """Let the services make each change."""
        actor_id, now = _actor(request), timezone.now()
        if "role" in form.changed_data:
            services.change_role(
                user_id=obj.id, role=User.Role(obj.role), actor_id=actor_id, now=now
            )
        if "is_active" in form.changed_data and obj.is_active:
            services.activate_user(user_id=obj.id, actor_id=actor_id)
        elif "is_active" in form.changed_data:
            services.deactivate_user(user_id=obj.id, actor_id=actor_id, now=now)

    @admin.action(description="End all sessions", permissions=("change",))
    def end_sessions(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Sign the chosen people out everywhere."""
        ended = sum(
            services.end_sessions(
                user_id=user.id,
                reason=Session.RevokeReason.OPERATOR,
                actor_id=_actor(request),
                now=timezone.now(),
            )
            for user in users
        )
        self.message_user(request, f"Ended {ended} sessions of {len(users)} users.")


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sessions; they are ended on the page of users."""

    list_display = ("id", "user", "created_at", "rotated_at", "revoked_at")
    list_filter = ("revoke_reason",)
    list_select_related = ("user",)
    search_fields = ("=id", "=user__id", "user__email")
    ordering = ("-created_at",)


@admin.register(Challenge)
class ChallengeAdmin(ReadOnlyAdmin):
    """Sign-in codes that were sent, without the codes."""

    list_display = ("id", "email", "attempts", "created_at", "consumed_at")
    search_fields = ("=id", "email")
    ordering = ("-created_at",)
    exclude = ("code_hmac",)


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
            actor_id=_actor(request),
        )
        obj.id = added.id

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Let the service remove the member."""
        services.remove_member(
            organization_id=obj.organization_id,
            user_id=obj.user_id,
            actor_id=_actor(request),
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


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what."""

    list_display = (
        "occurred_at",
        "action",
        "actor_id",
        "target_id",
        "organization_id",
        "request_id",
    )
    list_filter = ("action",)
    search_fields = ("=actor_id", "=target_id", "=organization_id", "=request_id")
    ordering = ("-seq",)
    show_full_result_count = False


def _actor(request: HttpRequest) -> UUID:
    return cast("User", request.user).id

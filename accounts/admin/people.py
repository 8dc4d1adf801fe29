"""People, and what operators do for them."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from accounts import services
from accounts.admin.parts import ReadOnlyInline, actor_of
from accounts.models import (
    Session,
    User,
)
from opencore.admin import OpenCoreAdminSite, Page

if TYPE_CHECKING:
    Form = ModelForm[Any]
else:
    Form = ModelForm


class OperatorPasswordForm(AdminPasswordChangeForm):
    """How operators change their own password."""

    def save(self, commit: bool = True) -> User:  # noqa: ARG002 -- the signature is Django's
        """Let the service set it."""
        password = self.cleaned_data["new_password1"]
        services.set_password(user=self.user, password=password, actor_id=self.user.id)
        return self.user


cast("OpenCoreAdminSite", admin.site).password_form = OperatorPasswordForm


class SessionsOfUser(ReadOnlyInline):
    """A user's sessions."""

    model = Session
    fk_name = "user"
    fields = ("created_at", "rotated_at", "expires_at", "revoked_at", "revoke_reason")
    ordering = ("-created_at",)


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
        actor_id, now = actor_of(request), timezone.now()
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
                actor_id=actor_of(request),
                now=timezone.now(),
            )
            for user in users
        )
        self.message_user(request, f"Ended {ended} sessions of {len(users)} users.")

"""People, and what operators do for them."""

from typing import cast

from django.contrib import admin
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.db.models import Model
from django.utils import timezone

from accounts import selectors, services
from accounts.admin.decisions import DecidingAdmin
from accounts.admin.deeds import DECISIONS
from accounts.admin.parts import ReadOnlyInline, link, links_to_record
from accounts.models import DataRequest, Membership, Session, User
from opencore.admin import OpenCoreAdminSite, ReadOnlyAdmin


class OperatorPasswordForm(AdminPasswordChangeForm):
    """How operators change their own password."""

    def save(self, commit: bool = True) -> User:  # noqa: ARG002 -- the signature is Django's
        """Let the service set it."""
        password = self.cleaned_data["new_password1"]
        services.set_password(user=self.user, password=password, actor_id=self.user.id)
        return self.user


cast("OpenCoreAdminSite", admin.site).password_form = OperatorPasswordForm


class SessionsOfUser(ReadOnlyInline):
    """A user's sessions; in some, staff acts as them."""

    model = Session
    owner = fk_name = "user"
    related = ("impersonator",)
    fields = (
        *("device_label", "ip", "created_at", "last_seen_at", "expires_at"),
        *("revoked_at", "revoke_reason", "impersonator"),
    )
    ordering = ("-created_at",)


class MembershipsOfUser(ReadOnlyInline):
    """The organizations that a user belongs to."""

    model = Membership
    owner = "user"
    related = ("organization",)
    fields = ("organization", "role", "status", "created_at")
    ordering = ("created_at",)


class DataRequestsOfUser(ReadOnlyInline):
    """What a user asked for about their data, or staff for them."""

    model = DataRequest
    owner = "user"
    fields = ("kind", "status", "requested_by", "reason", "created_at", "due_at")
    ordering = ("-created_at",)


@admin.register(User)
class UserAdmin(DecidingAdmin, ReadOnlyAdmin):
    """People; what operators decide about them needs a reason."""

    list_display = ("email", "name", "role", "is_active", "last_login", "created_at")
    list_filter = ("role", "is_active")
    search_fields = ("=id", "email", "name")
    ordering = ("-created_at",)
    fields = (
        *("id", "email", "email_verified_at", "name", "locale", "time_zone", "role"),
        *("is_active", "locked_until", "last_login", "created_at", "erased_at"),
    )
    inlines = (SessionsOfUser, MembershipsOfUser, DataRequestsOfUser)
    decisions = DECISIONS

    @admin.display(description="gets no codes until")
    def locked_until(self, user: User) -> str:
        """Return until when the address is locked."""
        until = selectors.locked_until(email=user.email, now=timezone.now())
        return "" if until is None else f"{until:%Y-%m-%d %H:%M:%S} UTC"

    def more_about(self, row: Model | None) -> list[dict[str, str]]:
        """Return where the record of a user is, and who acted as them."""
        if row is None:
            return []
        return [
            *links_to_record(row.pk),
            link("Who acted as them", "accounts_impersonation", row.pk),
            link("All sessions", "accounts_session", row.pk),
            link("Customer", "billing_customer", row.pk),
            link("Subscriptions", "billing_subscription", row.pk),
        ]

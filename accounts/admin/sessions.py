"""Sessions and codes."""

from django.contrib import admin

from accounts.models import (
    Challenge,
    Session,
)
from opencore.admin import ReadOnlyAdmin


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

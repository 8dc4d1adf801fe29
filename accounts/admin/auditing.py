"""The record of who did what."""

from django.contrib import admin

from accounts.models import (
    AuditEntry,
)
from opencore.admin import ReadOnlyAdmin


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

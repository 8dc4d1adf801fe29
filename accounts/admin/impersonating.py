"""Staff who act as people."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from accounts import services
from accounts.admin.decisions import DecidingAdmin, Decision
from accounts.admin.parts import actor_of
from accounts.models import Impersonation
from opencore.admin import ReadOnlyAdmin


def end(request: HttpRequest, acting: Impersonation, _: dict[str, Any]) -> str:
    """Let the token be refused at once."""
    services.end_impersonation(
        impersonation_id=acting.id, actor_id=actor_of(request), now=timezone.now()
    )
    return "It is ended; gateways refuse the token."


@admin.register(Impersonation)
class ImpersonationAdmin(DecidingAdmin, ReadOnlyAdmin):
    """Who of the staff acted as whom, and why; it begins on the page of a user."""

    list_display = (
        *("started_at", "impersonator", "user", "read_only", "reason"),
        *("expires_at", "ended_at"),
    )
    list_filter = ("read_only",)
    list_select_related = ("user", "impersonator")
    search_fields = ("=id", "=user__id", "=impersonator__id")
    ordering = ("-started_at",)
    show_full_result_count = False
    decisions = (
        Decision(
            "end",
            "End it now",
            "Gateways refuse the token at once.",
            end,
            offered=lambda acting: acting.ended_at is None,
        ),
    )

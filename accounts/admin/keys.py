"""Service accounts and API keys, without what is secret of them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from accounts import services
from accounts.admin.decisions import DecidingAdmin, Decision
from accounts.admin.parts import actor_of
from accounts.models import ApiKey, ServiceAccount
from opencore.admin import ReadOnlyAdmin


def revoke(request: HttpRequest, key: ApiKey, _: dict[str, Any]) -> str:
    """Let a key be good for nothing any more."""
    services.revoke_api_key(
        organization_id=key.organization_id,
        key_id=key.id,
        reason="operator",
        actor_id=actor_of(request),
        now=timezone.now(),
    )
    return "It is revoked."


@admin.register(ServiceAccount)
class ServiceAccountAdmin(ReadOnlyAdmin):
    """Programs of organizations; their owners decide about them."""

    list_display = ("name", "organization", "role", "created_at", "disabled_at")
    list_filter = ("role",)
    list_select_related = ("organization",)
    search_fields = ("=id", "=organization__id", "name")
    ordering = ("-created_at",)


@admin.register(ApiKey)
class ApiKeyAdmin(DecidingAdmin, ReadOnlyAdmin):
    """Keys; one that leaked is found by what stands behind `ock_`, and revoked."""

    list_display = (
        *("prefix", "name", "organization", "service_account", "user"),
        *("created_at", "expires_at", "last_used_at", "revoked_at"),
    )
    list_select_related = ("organization", "service_account", "user")
    search_fields = ("=prefix", "=id", "=organization__id", "name")
    ordering = ("-created_at",)
    exclude = ("secret_hmac",)
    decisions = (
        Decision(
            "revoke",
            "Revoke",
            "The key is good for nothing any more, at once.",
            revoke,
            offered=lambda key: key.revoked_at is None,
        ),
    )

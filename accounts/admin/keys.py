"""Service accounts and API keys, without what is secret of them."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import services
from accounts.admin.parts import actor_of
from accounts.models import ApiKey, ServiceAccount
from opencore.admin import ReadOnlyAdmin


@admin.register(ServiceAccount)
class ServiceAccountAdmin(ReadOnlyAdmin):
    """Programs of organizations; their owners decide about them."""

    list_display = ("name", "organization", "role", "created_at", "disabled_at")
    list_filter = ("role",)
    list_select_related = ("organization",)
    search_fields = ("=id", "=organization__id", "name")
    ordering = ("-created_at",)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys; one that leaked is found by what stands behind `ock_`, and revoked."""

    list_display = (
        *("prefix", "name", "organization", "service_account", "user"),
        *("created_at", "expires_at", "last_used_at", "revoked_at"),
    )
    list_select_related = ("organization", "service_account", "user")
    search_fields = ("=prefix", "=id", "=organization__id", "name")
    ordering = ("-created_at",)
    exclude = ("secret_hmac",)
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Tell whether this operator may end keys."""
        return bool(
            request.user.is_active and request.user.has_perm("accounts.change_apikey")
        )

    @admin.action(description="Revoke", permissions=("revoke",))
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        """Let the chosen keys be good for nothing any more."""
        living = list(keys.filter(revoked_at=None))
        for key in living:
            services.revoke_api_key(
                organization_id=key.organization_id,
                key_id=key.id,
                reason="operator",
                actor_id=actor_of(request),
                now=timezone.now(),
            )
        self.message_user(request, f"Revoked {len(living)} keys.")

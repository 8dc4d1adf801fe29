"""What operators see of billing, and the one thing they may do."""

from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from billing.errors import SubscriptionNotActive
from billing.models import Customer, Payment, Subscription
from billing.services import expire_subscription
from opencore.admin import ReadOnlyAdmin


@admin.register(Customer)
class CustomerAdmin(ReadOnlyAdmin):
    """Who is billed."""

    list_display = ("id", "user_id", "org_id", "email", "created_at")
    search_fields = ("=id", "=user_id", "=org_id", "email")
    ordering = ("-created_at",)


@admin.register(Payment)
class PaymentAdmin(ReadOnlyAdmin):
    """What was paid."""

    list_display = (
        "id",
        "customer_id",
        "amount_minor",
        "currency",
        "provider",
        "status",
        "created_at",
    )
    list_filter = ("status", "provider")
    search_fields = ("=id", "=customer__id", "=user_id", "provider_ref")
    ordering = ("-created_at",)


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """What is subscribed to, and when it ends."""

    list_display = ("id", "customer_id", "plan", "status", "period_end", "expired_at")
    list_filter = ("status",)
    search_fields = (
        *("=id", "=customer__id", "=customer__org_id", "=customer__user_id"),
        *("=user_id", "plan"),
    )
    ordering = ("-created_at",)
    actions = ("expire_now",)

    def has_expire_permission(self, request: HttpRequest) -> bool:
        """Let those expire who may change subscriptions."""
        return request.user.has_perm("billing.change_subscription")

    @admin.action(
        description="Expire now, before the period's end", permissions=["expire"]
    )
    def expire_now(
        self, request: HttpRequest, subscriptions: QuerySet[Subscription]
    ) -> None:
        """End the selected subscriptions as their time would have."""
        now, expired, over = timezone.now(), 0, 0
        for subscription in subscriptions:
            try:
                expire_subscription(
                    subscription_id=subscription.id,
                    now=now,
                    actor_id=UUID(str(request.user.pk)),
                )
            except SubscriptionNotActive:
                over += 1
            else:
                expired += 1
        self.message_user(
            request,
            f"Expired {expired} subscriptions; {over} had expired before.",
            messages.WARNING if over else messages.SUCCESS,
        )

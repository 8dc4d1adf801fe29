"""What operators see of notifications, and the one thing they may do."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from notifications.models import Delivery, DeliveryAttempt, Notification, Recipient
from notifications.services import send_again
from opencore.admin import ReadOnlyAdmin

if TYPE_CHECKING:
    Inline = admin.TabularInline[Any, Any]
else:
    # Django's class takes no parameter at run time, mypy's wants two.
    Inline = admin.TabularInline


class TriesInline(Inline):
    """How each try to send the mail ended."""

    model = DeliveryAttempt
    fields = ("n", "at", "outcome", "error")
    ordering = ("n",)
    extra = 0
    can_delete = False

    def has_add_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Any = None,  # noqa: ANN401, ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse."""
        return False

    def has_change_permission(
        self,
        request: HttpRequest,  # noqa: ARG002 -- the signature is Django's
        obj: Any = None,  # noqa: ANN401, ARG002 -- the signature is Django's
    ) -> bool:
        """Refuse."""
        return False


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    """Where people get mail."""

    list_display = ("user_id", "email", "created_at")
    search_fields = ("=user_id", "email")
    ordering = ("-created_at",)


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """What people were told."""

    list_display = ("id", "user_id", "type", "title", "created_at", "read_at")
    list_filter = ("type",)
    search_fields = ("=id", "=user_id", "=event_id")
    ordering = ("-created_at",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Mail: failed is given up, expired came too late, all else goes by itself."""

    list_display = (
        "id",
        "type",
        "address",
        "status",
        "attempts",
        "next_attempt_at",
        "sent_at",
        "created_at",
    )
    list_filter = ("status", "type")
    search_fields = ("=id", "=event_id", "address")
    ordering = ("-created_at",)
    exclude = ("sealed_code",)
    inlines = (TriesInline,)
    actions = ("send_once_more",)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Let those send who may change deliveries."""
        return request.user.has_perm("notifications.change_delivery")

    @admin.action(description="Send again", permissions=["send"])
    def send_once_more(
        self, request: HttpRequest, deliveries: QuerySet[Delivery]
    ) -> None:
        """Schedule the selected mail once more."""
        asked = list(deliveries.values_list("id", flat=True))
        scheduled = send_again(
            delivery_ids=asked,
            now=timezone.now(),
            actor_id=UUID(str(request.user.pk)),
        )
        left = len(asked) - scheduled
        self.message_user(
            request,
            f"Scheduled {scheduled} of {len(asked)}; {left} are codes or on their way.",
            messages.WARNING if left else messages.SUCCESS,
        )

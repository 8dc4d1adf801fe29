"""What people were told, and the mail that is on its way to them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models.functions import Now

from opencore.ids import uuid7


class Recipient(models.Model):
    """Where a user gets mail, as far as notifications have heard."""

    user_id = models.UUIDField(primary_key=True)
    email = models.TextField()
    # Which of the user's versions told the address; an older one changes it no more.
    email_version = models.IntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.user_id)


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Named sets of notifications."""

    def of(self, user_id: UUID) -> "NotificationQuerySet":
        """Return one person's feed."""
        return self.filter(user_id=user_id)

    def unread(self) -> "NotificationQuerySet":
        """Return those that nobody has read."""
        return self.filter(read_at=None)


class Notification(models.Model):
    """One entry of a person's feed, there once per event."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField()
    type = models.TextField()
    event_id = models.UUIDField()
    title = models.TextField()
    body = models.TextField()
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user_id", "type", "event_id"),
                name="notifications_told_once_per_event",
            ),
        )
        indexes = (
            models.Index(
                fields=("user_id", "created_at", "id"), name="notifications_feed"
            ),
            models.Index(
                fields=("user_id", "created_at", "id"),
                condition=models.Q(read_at__isnull=True),
                name="notifications_unread",
            ),
        )

    def __str__(self) -> str:
        return f"{self.type} to {self.user_id}"


class Delivery(models.Model):
    """One mail to one address, sent at least once and recorded once per event."""

    # The last mail to who was erased; nothing of it is kept once it is settled.
    GOODBYE: ClassVar[str] = "erasure_done"

    class Channel(models.TextChoices):
        """The way it goes."""

        EMAIL = "email"

    class Status(models.TextChoices):
        """How far it is; the last three are final."""

        SCHEDULED = "scheduled"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    channel = models.TextField(choices=Channel, default=Channel.EMAIL)
    type = models.TextField()
    event_id = models.UUIDField()
    notification = models.ForeignKey(
        Notification, models.SET_NULL, null=True, related_name="deliveries"
    )
    address = models.TextField()
    subject = models.TextField()
    body = models.TextField()
    # What fills the gap in the body when it is sent; empty once the mail is settled.
    sealed_code = models.TextField(blank=True)
    status = models.TextField(choices=Status, default=Status.SCHEDULED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = (
            models.UniqueConstraint(
                fields=("channel", "address", "event_id", "type"),
                name="notifications_mailed_once_per_event",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    status__in=("scheduled", "sending", "sent", "failed", "expired")
                ),
                name="notifications_delivery_status_is_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="sending")
                | models.Q(claimed_until__isnull=False),
                name="notifications_claim_has_an_end",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=("scheduled", "sending"))
                | models.Q(sealed_code=""),
                name="notifications_settled_mail_keeps_no_code",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="sent") | models.Q(sent_at__isnull=False),
                name="notifications_sent_mail_has_a_time",
            ),
        )
        indexes = (
            models.Index(
                fields=("next_attempt_at",),
                condition=models.Q(status__in=("scheduled", "sending")),
                name="notifications_mail_to_send",
            ),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    def is_expired(self, *, at: datetime) -> bool:
        """Tell whether it would come too late at this time."""
        return self.expires_at is not None and self.expires_at <= at


class DeliveryAttempt(models.Model):
    """One try to send one mail, and how it ended."""

    class Outcome(models.TextChoices):
        """How the try ended."""

        SENT = "sent"
        DEFERRED = "deferred"
        REFUSED = "refused"
        EXPIRED = "expired"

    delivery = models.ForeignKey(
        Delivery, models.CASCADE, related_name="tries", db_index=False
    )
    n = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    outcome = models.TextField(choices=Outcome)
    error = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("delivery", "n"), name="notifications_attempts_are_numbered"
            ),
        )

    def __str__(self) -> str:
        return f"attempt {self.n} of {self.delivery_id}"

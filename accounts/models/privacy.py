"""What people ask for about themselves: a copy of it all, or that it be erased."""

from django.db import models
from django.db.models.functions import Now

from accounts.models.files import File
from accounts.models.people import User
from opencore.ids import uuid7


class DataRequest(models.Model):
    """A person's request for their data or its erasure, and what came of it."""

    class Kind(models.TextChoices):
        """What is asked for: GDPR Art. 15 and 20, or Art. 17."""

        EXPORT = "export"
        ERASURE = "erasure"

    class Status(models.TextChoices):
        """How far it is."""

        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        CANCELLED = "cancelled"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        User, models.PROTECT, related_name="data_requests", db_index=False
    )
    kind = models.TextField(choices=Kind)
    status = models.TextField(choices=Status, default="pending", db_default="pending")
    requested_by = models.UUIDField()
    reason = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=Now())
    # An erasure can be taken back until then.
    not_before = models.DateTimeField()
    # The law's month.
    due_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    # What each app did, in counts; nothing personal.
    report = models.JSONField(default=dict, db_default={})
    file = models.ForeignKey(File, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user", "kind"),
                condition=models.Q(status__in=("pending", "running")),
                name="accounts_one_open_request_per_kind",
            ),
        )
        indexes = (
            models.Index(
                fields=("user", "created_at", "id"), name="accounts_requests_of_user"
            ),
            models.Index(
                fields=("not_before",),
                condition=models.Q(status__in=("pending", "running")),
                name="accounts_requests_due",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

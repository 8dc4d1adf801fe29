"""The record of who did what, to which nobody can do anything but add."""

from django.db import models
from django.db.models.functions import Now

from opencore.ids import uuid7
from opencore.postgresql.append_only import append_only


class AuditEntry(models.Model):
    """One thing that somebody did; the metadata holds no personal data.

    It names people and organizations by plain ids, so that it outlives them.
    """

    class Action(models.TextChoices):
        """What was done; the part before the dot is the kind of the target."""

        USER_CREATED = "user.created"
        USER_ROLE_CHANGED = "user.role_changed"
        USER_ACTIVATED = "user.activated"
        USER_DEACTIVATED = "user.deactivated"
        USER_PASSWORD_SET = "user.password_set"  # noqa: S105 -- the name of an action
        SESSION_CREATED = "session.created"
        SESSION_REVOKED = "session.revoked"
        ORGANIZATION_CREATED = "organization.created"
        MEMBER_ADDED = "member.added"
        MEMBER_REMOVED = "member.removed"

    seq = models.BigAutoField(primary_key=True)
    # What clients call it by; seq alone orders the entries.
    entry_id = models.UUIDField(default=uuid7, editable=False, unique=True)
    occurred_at = models.DateTimeField(db_default=Now())
    actor_id = models.UUIDField(null=True)
    action = models.TextField()
    target_id = models.UUIDField()
    organization_id = models.UUIDField(null=True)
    metadata = models.JSONField(default=dict)
    request_id = models.TextField(blank=True)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes = (
            models.Index(
                fields=("organization_id", "seq"), name="accounts_audit_of_org"
            ),
            models.Index(fields=("actor_id", "seq"), name="accounts_audit_of_actor"),
        )
        triggers = append_only(
            "audit entries", constraint="accounts_audit_is_append_only"
        )

    def __str__(self) -> str:
        return f"{self.action} {self.target_id}"

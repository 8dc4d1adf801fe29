"""Tables that belong to no single app."""

from django.db import models

from opencore.postgresql.append_only import append_only


class IdempotencyKey(models.Model):
    """What a request was answered, so that its repetition is answered the same."""

    principal = models.TextField()
    method = models.TextField()
    route = models.TextField()
    key = models.TextField()
    fingerprint = models.BinaryField()
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("principal", "method", "route", "key"),
                name="idempotency_key_used_once",
            ),
        )
        indexes = (
            models.Index(fields=("expires_at",), name="idempotency_key_expired"),
        )

    def __str__(self) -> str:
        return f"{self.method} {self.route} {self.key}"


class RevokedKey(models.Model):
    """A key whose access tokens no gateway lets pass, and who decided it why."""

    kid = models.TextField(unique=True)
    revoked_at = models.DateTimeField()
    actor = models.TextField()
    reason = models.TextField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(kid__regex="^[A-Za-z0-9_-]{1,32}$"),
                name="revoked_key_has_a_possible_name",
            ),
            models.CheckConstraint(
                condition=~models.Q(actor="") & ~models.Q(reason=""),
                name="revoked_key_names_who_and_why",
            ),
        )
        triggers = append_only("revoked keys", constraint="revoked_key_stays_so")

    def __str__(self) -> str:
        return self.kid

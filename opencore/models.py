"""Tables that belong to no single app."""

from django.db import models


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

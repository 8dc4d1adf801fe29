"""What consumers have applied, and what is parked at them."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now


class InboxEntry(models.Model):
    """One event that one consumer has handled, committed together with its effect."""

    pk = models.CompositePrimaryKey("consumer", "source", "event_id")
    consumer = models.TextField()
    source = models.TextField()
    event_id = models.UUIDField()
    handled_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_inbox"
        indexes = (
            # What is old enough to be forgotten; rows lie in the order of their times.
            BrinIndex(fields=("handled_at",), name="outbox_inbox_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.consumer} {self.event_id}"


class ParkedMessage(models.Model):
    """A message that waits in order behind a failure of its key, offset committed."""

    id = models.BigAutoField(primary_key=True)
    consumer = models.TextField()
    topic = models.TextField()
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    key = models.TextField()
    event_id = models.UUIDField()
    type = models.TextField()
    payload = models.BinaryField()
    headers = models.JSONField(default=list)
    attempts = models.SmallIntegerField(db_default=0)
    parked_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_parked"
        constraints = (
            models.UniqueConstraint(
                fields=("consumer", "topic", "partition", "offset"),
                name="outbox_parked_once_per_offset",
            ),
        )
        indexes = (
            # The head of each key, and whether a key has anybody waiting.
            models.Index(
                fields=("consumer", "topic", "key", "id"), name="outbox_parked_by_key"
            ),
        )

    def __str__(self) -> str:
        return f"{self.consumer}: {self.type} {self.event_id}"

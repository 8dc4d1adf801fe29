"""What waits for Kafka, what Kafka has, and what keeps an event waiting."""

from django.db import models
from django.db.models.functions import Now


class OutboxEvent(models.Model):
    """An event that Kafka has not yet acknowledged; the row goes when it has.

    The table is made by SQL (see the first migration): its one index is the primary
    key (lane, id), and a trigger refuses every change of the envelope.
    """

    id = models.BigIntegerField(primary_key=True)
    lane = models.SmallIntegerField()
    event_id = models.UUIDField()
    type = models.TextField()
    topic = models.TextField()
    key = models.TextField()
    payload = models.BinaryField()
    headers = models.JSONField(null=True)
    request_id = models.TextField(null=True)  # noqa: DJ001 -- absent is not empty
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())
    attempts = models.SmallIntegerField(db_default=0)
    available_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbox_event"
        verbose_name = "waiting event"

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class ArchivedEvent(models.Model):
    """An event that Kafka has acknowledged; daily partitions are dropped by age."""

    id = models.BigIntegerField(primary_key=True)
    lane = models.SmallIntegerField()
    event_id = models.UUIDField()
    type = models.TextField()
    topic = models.TextField()
    key = models.TextField()
    payload = models.BinaryField()
    headers = models.JSONField(null=True)
    request_id = models.TextField(null=True)  # noqa: DJ001 -- absent is not empty
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    attempts = models.SmallIntegerField()
    delivered_at = models.DateTimeField()

    class Meta:
        db_table = "outbox_archive"
        verbose_name = "delivered event"

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class Lane(models.Model):
    """A share of the keys, sent by one relay at a time; the epoch fences old owners."""

    lane = models.SmallIntegerField(primary_key=True)
    owner = models.TextField(db_default="")
    epoch = models.BigIntegerField(db_default=0)
    lease_until = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_lane"

    def __str__(self) -> str:
        return f"lane {self.lane}"


class Fence(models.Model):
    """A lane's epoch once more; what records an outcome locks it, and finds it quickly.

    A trigger moves it when the lane is taken. Nothing else changes the row, so there
    is no older version of it to pass over, however long a snapshot is held open: each
    renewal of a lease leaves one of the lane's own row.
    """

    lane = models.SmallIntegerField(primary_key=True)
    epoch = models.BigIntegerField()

    class Meta:
        db_table = "outbox_fence"

    def __str__(self) -> str:
        return f"fence of lane {self.lane}"


class Attempt(models.Model):
    """One failure of one event, kept for whoever asks why it is late or dead."""

    event_id = models.UUIDField(db_index=True)
    scope = models.TextField()
    number = models.SmallIntegerField()
    at = models.DateTimeField(db_default=Now())
    worker = models.TextField()
    failure = models.TextField()
    code = models.IntegerField(null=True)
    message = models.TextField()

    class Meta:
        db_table = "outbox_attempt"

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.event_id}"


class Hold(models.Model):
    """A key whose events wait: until a time, or until somebody releases it."""

    scope = models.TextField()
    topic = models.TextField()
    key = models.TextField()
    # The event that the others wait behind; it alone may pass.
    event_id = models.UUIDField(null=True)
    reason = models.TextField()
    held_by = models.TextField(db_default="")
    since = models.DateTimeField(db_default=Now())
    resume_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbox_hold"
        constraints = (
            models.UniqueConstraint(
                fields=("scope", "topic", "key"), name="outbox_key_held_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.scope}: {self.topic} {self.key}"


class TopicPause(models.Model):
    """A topic that Kafka refuses as a whole; its events stay, nothing is counted."""

    topic = models.TextField(primary_key=True)
    reason = models.TextField()
    code = models.IntegerField(null=True)
    paused_by = models.TextField(db_default="")
    since = models.DateTimeField(db_default=Now())
    resume_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbox_topic_pause"

    def __str__(self) -> str:
        return self.topic

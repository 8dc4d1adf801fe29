"""What could not be delivered or applied, and what operators decided."""

from django.db import models
from django.db.models.functions import Now

from opencore.ids import uuid7
from opencore.postgresql.append_only import append_only


class DeadLetterQuerySet(models.QuerySet["DeadLetter"]):
    """Named sets of dead letters."""

    def waiting(self) -> "DeadLetterQuerySet":
        """Return those that nobody has replayed or discarded."""
        return self.filter(state=DeadLetter.State.WAITING)


class DeadLetter(models.Model):
    """An event that can't be sent or handled; it stays until an operator decides."""

    class State(models.TextChoices):
        """What became of the letter."""

        WAITING = "waiting"
        REPLAYED = "replayed"
        DISCARDED = "discarded"

    id = models.UUIDField(primary_key=True, default=uuid7)
    # `relay` for an event that Kafka refused, else the consumer that failed on it.
    scope = models.TextField()
    # The place in the line, kept so that a replayed head goes before its successors.
    position = models.BigIntegerField(null=True)
    lane = models.SmallIntegerField(null=True)
    event_id = models.UUIDField(null=True)
    type = models.TextField()
    topic = models.TextField()
    key = models.TextField()
    payload = models.BinaryField()
    headers = models.JSONField(null=True)
    request_id = models.TextField(null=True)  # noqa: DJ001 -- absent is not empty
    occurred_at = models.DateTimeField(null=True)
    partition = models.IntegerField(null=True)
    offset = models.BigIntegerField(null=True)
    attempts = models.SmallIntegerField()
    reason = models.TextField()
    code = models.IntegerField(null=True)
    error = models.TextField()
    failed_at = models.DateTimeField(db_default=Now())
    holds_key = models.BooleanField(default=False)
    state = models.TextField(choices=State, default=State.WAITING)
    resolved_at = models.DateTimeField(null=True)
    resolved_by = models.TextField(default="", blank=True)
    resolved_reason = models.TextField(default="", blank=True)
    replay_count = models.IntegerField(default=0)

    objects = DeadLetterQuerySet.as_manager()

    class Meta:
        db_table = "outbox_dead_letter"
        constraints = (
            models.UniqueConstraint(
                fields=("scope", "event_id"),
                condition=models.Q(event_id__isnull=False),
                name="outbox_one_letter_per_event",
            ),
            models.UniqueConstraint(
                fields=("scope", "topic", "partition", "offset"),
                condition=models.Q(event_id__isnull=True),
                name="outbox_one_letter_per_offset",
            ),
            models.CheckConstraint(
                condition=models.Q(state="waiting")
                | models.Q(resolved_at__isnull=False),
                name="outbox_resolved_letter_has_a_time",
            ),
        )
        indexes = (
            models.Index(
                fields=("failed_at",),
                condition=models.Q(state="waiting"),
                name="outbox_waiting_letters",
            ),
            models.Index(fields=("topic", "key"), name="outbox_letters_by_key"),
        )

    def __str__(self) -> str:
        return f"{self.scope}: {self.type or 'unreadable'} {self.event_id or self.id}"


class OperatorAction(models.Model):
    """What somebody decided about keys, topics or events, and why.

    It is written in the transaction of what it tells of, before that, and stays.
    """

    class Action(models.TextChoices):
        """What was decided."""

        HOLD_KEY = "hold_key"
        RELEASE_KEY = "release_key"
        SKIP_EVENT = "skip_event"
        PAUSE_TOPIC = "pause_topic"
        RESUME_TOPIC = "resume_topic"

    id = models.UUIDField(primary_key=True, default=uuid7)
    at = models.DateTimeField(db_default=Now())
    action = models.TextField()
    actor = models.TextField()
    reason = models.TextField()
    scope = models.TextField(default="", blank=True)
    topic = models.TextField()
    key = models.TextField(default="", blank=True)
    event_id = models.UUIDField(null=True)
    request_id = models.TextField(null=True)  # noqa: DJ001 -- absent is not empty

    class Meta:
        db_table = "outbox_operator_action"
        indexes = (
            # What was decided about one key.
            models.Index(fields=("topic", "key", "at"), name="outbox_actions_by_key"),
        )
        triggers = append_only(
            "actions of operators", constraint="outbox_actions_are_append_only"
        )

    def __str__(self) -> str:
        return f"{self.action} {self.topic} {self.key}".rstrip()


class ReplayQuerySet(models.QuerySet["Replay"]):
    """Named sets of operations."""

    def decided(self) -> "ReplayQuerySet":
        """Return those that somebody decided: all but the plans."""
        return self.exclude(state=Replay.State.PLANNED)

    def unfinished(self) -> "ReplayQuerySet":
        """Return those that somebody decided and that have not ended."""
        return self.filter(state__in=(Replay.State.QUEUED, Replay.State.RUNNING))


class Replay(models.Model):
    """One decision about dead letters or delivered events, with reason and outcome."""

    class Action(models.TextChoices):
        """What the operator decided."""

        REPLAY = "replay"
        DISCARD = "discard"
        REPUBLISH = "republish"

    class State(models.TextChoices):
        """How far it is; a plan is no decision yet, and is forgotten after a while."""

        PLANNED = "planned"
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        CANCELED = "canceled"
        STOPPED = "stopped"

    id = models.UUIDField(primary_key=True, default=uuid7)
    action = models.TextField(choices=Action, default=Action.REPLAY)
    state = models.TextField(choices=State, default=State.RUNNING)
    filters = models.JSONField(default=dict)
    reason = models.TextField()
    actor = models.TextField()
    request_id = models.TextField(null=True)  # noqa: DJ001 -- absent is not empty
    rate = models.FloatField(null=True)
    stop_on_failure_rate = models.FloatField(null=True)
    # Whether Celery runs it, and goes on with it when a worker died.
    background = models.BooleanField(default=False, db_default=False)
    planned = models.IntegerField()
    done = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    canceled_by = models.TextField(default="", db_default="", blank=True)

    objects = ReplayQuerySet.as_manager()

    class Meta:
        db_table = "outbox_replay"

    def __str__(self) -> str:
        return f"{self.action} {self.id}"


class ReplayItem(models.Model):
    """What one replay did with one letter, or with one event of the archive."""

    class Outcome(models.TextChoices):
        """What became of the letter in this replay."""

        PLANNED = "planned"
        DONE = "done"
        REFUSED = "refused"

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="items")
    # The id of the letter, or of the event that is published again.
    letter_id = models.UUIDField()
    # When the letter had died, as it was planned; if it died again, it is another case.
    # Of an event, when it had been delivered.
    died_at = models.DateTimeField(null=True)
    outcome = models.TextField(choices=Outcome, default=Outcome.PLANNED)
    detail = models.TextField(default="", blank=True)
    at = models.DateTimeField(null=True)

    class Meta:
        db_table = "outbox_replay_item"
        constraints = (
            models.UniqueConstraint(
                fields=("replay", "letter_id"), name="outbox_letter_once_per_replay"
            ),
        )

    def __str__(self) -> str:
        return f"{self.replay_id} {self.letter_id}"

"""The record of who did what, to which nobody can do anything but add."""

from django.db import models
from django.db.models.functions import Now

from accounts.models.files import File
from opencore.ids import uuid7
from opencore.postgresql.append_only import append_only


class AuditEntry(models.Model):
    """One thing that somebody did; the metadata holds no personal data.

    It names people and organizations by plain ids, so that it outlives them. What is
    personal stands beside it, in AuditPersonal, and is bound to it by a digest.
    """

    class Action(models.TextChoices):
        """What was done; the part before the dot is the kind of the target."""

        USER_CREATED = "user.created"
        USER_UPDATED = "user.updated"
        USER_EMAIL_CHANGED = "user.email_changed"
        USER_ROLE_CHANGED = "user.role_changed"
        USER_ACTIVATED = "user.activated"
        USER_DEACTIVATED = "user.deactivated"
        USER_ERASED = "user.erased"
        USER_PASSWORD_SET = "user.password_set"  # noqa: S105 -- the name of an action
        SESSION_CREATED = "session.created"
        SESSION_REVOKED = "session.revoked"
        SESSION_STEPPED_UP = "session.stepped_up"
        ADMIN_SIGNED_IN = "admin.signed_in"
        SIGN_IN_LOCKED = "sign_in.locked"
        SIGN_IN_UNLOCKED = "sign_in.unlocked"
        AUTHENTICATOR_ADDED = "authenticator.added"
        AUTHENTICATOR_REMOVED = "authenticator.removed"
        RECOVERY_CODES_MADE = "recovery_codes.made"
        RECOVERY_CODE_USED = "recovery_code.used"
        IMPERSONATION_STARTED = "impersonation.started"
        IMPERSONATION_ENDED = "impersonation.ended"
        DATA_REQUESTED = "data_request.created"
        DATA_REQUEST_CANCELLED = "data_request.cancelled"
        DATA_REQUEST_DONE = "data_request.done"
        ORGANIZATION_CREATED = "organization.created"
        ORGANIZATION_UPDATED = "organization.updated"
        ORGANIZATION_SUSPENDED = "organization.suspended"
        ORGANIZATION_RESUMED = "organization.resumed"
        ORGANIZATION_DELETED = "organization.deleted"
        OWNERSHIP_OFFERED = "ownership.offered"
        OWNERSHIP_OFFER_CANCELLED = "ownership.offer_cancelled"
        OWNERSHIP_TRANSFERRED = "ownership.transferred"
        MEMBER_ADDED = "member.added"
        MEMBER_ROLE_CHANGED = "member.role_changed"
        MEMBER_SUSPENDED = "member.suspended"
        MEMBER_RESUMED = "member.resumed"
        MEMBER_REMOVED = "member.removed"
        INVITATION_CREATED = "invitation.created"
        INVITATION_RESENT = "invitation.resent"
        INVITATION_REVOKED = "invitation.revoked"
        INVITATION_ACCEPTED = "invitation.accepted"
        SERVICE_ACCOUNT_CREATED = "service_account.created"
        SERVICE_ACCOUNT_UPDATED = "service_account.updated"
        SERVICE_ACCOUNT_DISABLED = "service_account.disabled"
        API_KEY_CREATED = "api_key.created"
        API_KEY_ROTATED = "api_key.rotated"
        API_KEY_REVOKED = "api_key.revoked"
        AUDIT_EXPORTED = "audit.exported"

    class ActorKind(models.TextChoices):
        """Who can do things."""

        USER = "user"
        SERVICE_ACCOUNT = "service_account"
        STAFF = "staff"
        SYSTEM = "system"

    class Outcome(models.TextChoices):
        """Whether it was done."""

        DONE = "done"
        REFUSED = "refused"

    seq = models.BigAutoField(primary_key=True)
    # What clients call it by; seq alone orders the entries.
    entry_id = models.UUIDField(default=uuid7, editable=False, unique=True)
    occurred_at = models.DateTimeField(db_default=Now())
    actor_id = models.UUIDField(null=True)
    actor_kind = models.TextField(choices=ActorKind, default="user", db_default="user")
    # The person as whom staff acted.
    on_behalf_of = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    api_key_id = models.UUIDField(null=True)
    action = models.TextField()
    outcome = models.TextField(choices=Outcome, default="done", db_default="done")
    target_id = models.UUIDField()
    organization_id = models.UUIDField(null=True)
    # Why, in the words of who did it; operators must say it.
    justification = models.TextField(blank=True, default="", db_default="")
    metadata = models.JSONField(default=dict)
    request_id = models.TextField(blank=True)
    # SHA-256 over what AuditPersonal holds; stays true after that is erased.
    personal_digest = models.BinaryField(null=True)

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes = (
            models.Index(
                fields=("organization_id", "seq"), name="accounts_audit_of_org"
            ),
            models.Index(fields=("actor_id", "seq"), name="accounts_audit_of_actor"),
            models.Index(
                fields=("organization_id", "action", "seq"),
                name="accounts_audit_of_action",
            ),
            models.Index(fields=("target_id", "seq"), name="accounts_audit_of_target"),
        )
        triggers = append_only(
            "audit entries", constraint="accounts_audit_is_append_only"
        )

    def __str__(self) -> str:
        return f"{self.action} {self.target_id}"


class AuditPersonal(models.Model):
    """What is personal about an entry; it can be erased, and the entry stays proved."""

    entry = models.OneToOneField(
        AuditEntry,
        models.DO_NOTHING,
        primary_key=True,
        related_name="personal",
        # Written with its entry, which is never deleted: nothing is left to check.
        db_constraint=False,
    )
    organization_id = models.UUIDField(null=True)
    # Whose it is; their erasure deletes the row.
    person_id = models.UUIDField(null=True)
    salt = models.BinaryField()
    data = models.JSONField()

    class Meta:
        verbose_name = "personal part of an audit entry"
        verbose_name_plural = "personal parts of audit entries"
        indexes = (
            models.Index(fields=("person_id",), name="accounts_audit_of_person"),
        )

    def __str__(self) -> str:
        return str(self.entry_id)


class AuditSeal(models.Model):
    """An entry's place in the chain of its organization, and the hash of all before.

    Entries that belong to no organization have a chain of their own: chain_id is null's
    stand-in, the nil UUID.
    """

    entry = models.OneToOneField(
        AuditEntry,
        models.DO_NOTHING,
        primary_key=True,
        related_name="seal",
        db_constraint=False,
    )
    chain_id = models.UUIDField()
    number = models.BigIntegerField()
    previous_hash = models.BinaryField()
    hash = models.BinaryField()
    sealed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("chain_id", "number"), name="accounts_seal_once_per_number"
            ),
        )
        triggers = append_only("audit seals", constraint="accounts_seals_append_only")

    def __str__(self) -> str:
        return f"{self.chain_id} {self.number}"


class AuditAnchor(models.Model):
    """That a chain's head was read back from Kafka, where nobody rewrites it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    chain_id = models.UUIDField()
    number = models.BigIntegerField()
    hash = models.BinaryField()
    event_id = models.UUIDField(unique=True)
    topic = models.TextField()
    partition = models.IntegerField()
    offset = models.BigIntegerField()
    anchored_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = (
            models.Index(
                fields=("chain_id", "number"), name="accounts_anchors_of_chain"
            ),
        )
        triggers = append_only(
            "audit anchors", constraint="accounts_anchors_append_only"
        )

    def __str__(self) -> str:
        return f"{self.chain_id} {self.number}"


class AuditExport(models.Model):
    """A job that writes an organization's record into a file."""

    class Format(models.TextChoices):
        """How the file is written."""

        NDJSON = "ndjson"
        CSV = "csv"

    class Status(models.TextChoices):
        """How far it is."""

        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    class Reason(models.TextChoices):
        """Why it failed."""

        TOO_MANY_ROWS = "too_many_rows"
        ERROR = "error"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization_id = models.UUIDField()
    requested_by = models.UUIDField()
    format = models.TextField(choices=Format)
    filters = models.JSONField(default=dict)
    status = models.TextField(choices=Status, default="pending", db_default="pending")
    # Empty unless it failed.
    reason = models.TextField(blank=True, choices=Reason, default="", db_default="")
    rows = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    file = models.ForeignKey(File, models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = (
            models.Index(
                fields=("organization_id", "created_at", "id"),
                name="accounts_exports_of_org",
            ),
            models.Index(
                fields=("created_at",),
                condition=models.Q(status__in=("pending", "running")),
                name="accounts_exports_due",
            ),
        )

    def __str__(self) -> str:
        return str(self.id)

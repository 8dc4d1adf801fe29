"""How people prove who they are, and for how long that holds."""

from datetime import datetime

from django.db import models
from django.db.models.functions import Lower

from accounts.models.people import User
from opencore.ids import uuid7


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    """Named sets of challenges."""

    def live(self) -> "ChallengeQuerySet":
        """Return those whose code was neither used nor replaced."""
        return self.filter(consumed_at=None, superseded_at=None)

    def to_address(self, email: str, purpose: str) -> "ChallengeQuerySet":
        """Return those of an address, however its letters are written."""
        return self.alias(lowered=Lower("email")).filter(
            lowered=email.lower(), purpose=purpose
        )


class Challenge(models.Model):
    """A code that was sent to an address, and the attempts to tell it."""

    class Purpose(models.TextChoices):
        """What the code is good for."""

        LOGIN = "login"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    purpose = models.TextField(choices=Purpose)
    email = models.EmailField()
    code_hmac = models.BinaryField()
    attempts = models.SmallIntegerField(default=0)
    max_attempts = models.SmallIntegerField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True)
    superseded_at = models.DateTimeField(null=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(blank=True)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                Lower("email"),
                "purpose",
                condition=models.Q(consumed_at=None, superseded_at=None),
                name="accounts_one_live_code_per_address",
            ),
            models.CheckConstraint(
                condition=models.Q(attempts__lte=models.F("max_attempts")),
                name="accounts_no_more_attempts_than_allowed",
            ),
        )
        indexes = (
            # Counts how many codes an address was sent lately.
            models.Index(
                Lower("email"),
                "purpose",
                "created_at",
                name="accounts_challenges_by_address",
            ),
            models.Index(fields=("created_at",), name="accounts_challenges_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.purpose} {self.id}"


class Session(models.Model):
    """A person on one device, from a sign-in until it ends or is ended."""

    class RevokeReason(models.TextChoices):
        """Why a session was ended before its time."""

        LOGOUT = "logout"
        REFRESH_REUSED = "refresh_reused"
        OPERATOR = "operator"
        ROLE_CHANGED = "role_changed"
        DEACTIVATED = "deactivated"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        User, models.PROTECT, related_name="sessions", db_index=False
    )
    # Counts the refresh tokens; only the newest one is good.
    generation = models.IntegerField(default=1)
    created_at = models.DateTimeField()
    rotated_at = models.DateTimeField()
    idle_expires_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoke_reason = models.TextField(choices=RevokeReason, blank=True)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(revoked_at=None, revoke_reason="")
                | (models.Q(revoked_at__isnull=False) & ~models.Q(revoke_reason="")),
                name="accounts_revoked_session_has_a_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(idle_expires_at__lte=models.F("expires_at")),
                name="accounts_idle_session_ends_in_time",
            ),
        )
        indexes = (
            models.Index(
                fields=("user", "created_at"), name="accounts_sessions_of_user"
            ),
            # Finds whose access tokens may still be shown.
            models.Index(
                fields=("revoked_at",),
                condition=models.Q(revoked_at__isnull=False),
                name="accounts_sessions_revoked",
            ),
        )

    def __str__(self) -> str:
        return str(self.id)

    def is_live(self, now: datetime) -> bool:
        """Tell whether the session can still be refreshed."""
        return self.revoked_at is None and now < self.idle_expires_at

"""How people prove who they are, and for how long that holds."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from accounts.models.people import User
from opencore.ids import uuid7


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    """Named sets of challenges."""

    def live(self) -> "ChallengeQuerySet":
        """Return those whose code was neither used nor replaced."""
        return self.filter(consumed_at=None, superseded_at=None)

    def to_address(self, email: str, *purposes: str) -> "ChallengeQuerySet":
        """Return those of an address, however its letters are written."""
        return self.alias(lowered=Lower("email")).filter(
            lowered=email.lower(), purpose__in=purposes
        )


class Challenge(models.Model):
    """A code that was sent to an address, and the attempts to tell it.

    One for a second factor is sent to nobody: who told the mailed code is given it.
    """

    class Purpose(models.TextChoices):
        """What the code is good for."""

        LOGIN = "login"
        EMAIL_CHANGE = "email_change"
        STEP_UP = "step_up"
        ADMIN_LOGIN = "admin_login"
        SECOND_FACTOR = "second_factor"

    MAILED = (
        Purpose.LOGIN,
        Purpose.EMAIL_CHANGE,
        Purpose.STEP_UP,
        Purpose.ADMIN_LOGIN,
    )

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    purpose = models.TextField(choices=Purpose)
    email = models.EmailField()
    # Who asked, where somebody who is signed in asks.
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
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
            # Counts how many codes a client asked for lately.
            models.Index(fields=("ip", "created_at"), name="accounts_challenges_by_ip"),
        )

    def __str__(self) -> str:
        return f"{self.purpose} {self.id}"

    def is_live(self) -> bool:
        """Tell whether the code was neither used nor replaced."""
        return self.consumed_at is None and self.superseded_at is None


class AddressLock(models.Model):
    """Wrong codes that an address was guessed with lately, over all its challenges.

    Kept in Postgres, so that nobody guesses more while Redis is away.
    """

    # HMAC of the lowered address: known and unknown ones look the same here.
    address = models.BinaryField(primary_key=True)
    failures = models.IntegerField(default=0)
    counted_since = models.DateTimeField()
    # How often it was locked in a row: each lock is twice as long.
    locks = models.SmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=("counted_since",), name="accounts_locks_by_age"),
        )

    def __str__(self) -> str:
        return bytes(self.address).hex()


class Authenticator(models.Model):
    """A second factor of a person: the secret of an app that shows codes."""

    class Kind(models.TextChoices):
        """How it proves who somebody is."""

        TOTP = "totp"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        User, models.CASCADE, related_name="authenticators", db_index=False
    )
    kind = models.TextField(choices=Kind, default=Kind.TOTP)
    name = models.TextField(blank=True)
    sealed_secret = models.TextField()
    # The newest time step that was used: a code is good once (RFC 6238, 5.2).
    last_counter = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    confirmed_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user",),
                condition=models.Q(kind="totp", confirmed_at__isnull=False),
                name="accounts_one_totp_per_user",
            ),
        )
        indexes = (
            models.Index(
                fields=("user", "created_at"), name="accounts_factors_of_user"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class RecoveryCode(models.Model):
    """A code that stands in once for a lost second factor."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        User, models.CASCADE, related_name="recovery_codes", db_index=False
    )
    # Argon2 of the code; the first letters find it without trying all.
    prefix = models.TextField()
    code_hash = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user", "prefix"), name="accounts_recovery_prefix_once"
            ),
        )

    def __str__(self) -> str:
        return str(self.id)


class Session(models.Model):
    """A person on one device, from a sign-in until it ends or is ended."""

    class RevokeReason(models.TextChoices):
        """Why a session was ended before its time."""

        LOGOUT = "logout"
        REFRESH_REUSED = "refresh_reused"
        OPERATOR = "operator"
        ROLE_CHANGED = "role_changed"
        DEACTIVATED = "deactivated"
        # By the person, from another device.
        USER = "user"
        EMAIL_CHANGED = "email_changed"
        FACTORS_CHANGED = "factors_changed"
        IMPERSONATION_ENDED = "impersonation_ended"
        ERASED = "erased"

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
    # What the person calls the device.
    device_label = models.TextField(blank=True, default="", db_default="")
    last_seen_at = models.DateTimeField(null=True)
    # How sure it is who this is: 1 by one factor, 2 by two (`aal` in the token).
    assurance = models.SmallIntegerField(default=1, db_default=1)
    # By what it was proved, in words of RFC 8176: otp (a mailed code or TOTP), mfa.
    methods = ArrayField(models.TextField(), default=list, db_default=[])
    # When the person last proved it (`auth_time` in the token).
    authenticated_at = models.DateTimeField(null=True)
    # The organization that the person is working in, chosen by them.
    organization_id = models.UUIDField(null=True)
    # Who acts as the person in this session, if it is not them.
    impersonator = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", db_index=False
    )

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


class Impersonation(models.Model):
    """That staff acted as a person: who, why, for how long; kept for good."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session = models.OneToOneField(
        Session, models.PROTECT, related_name="impersonation"
    )
    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    impersonator = models.ForeignKey(User, models.PROTECT, related_name="+")
    reason = models.TextField()
    read_only = models.BooleanField(default=True)
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(reason=""), name="accounts_impersonation_has_reason"
            ),
            models.CheckConstraint(
                condition=~models.Q(user=models.F("impersonator")),
                name="accounts_impersonates_another",
            ),
        )
        indexes = (
            models.Index(
                fields=("user", "started_at"), name="accounts_impersonated_users"
            ),
        )

    def __str__(self) -> str:
        return str(self.id)

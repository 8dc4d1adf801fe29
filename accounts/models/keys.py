"""What programs show instead of people: service accounts and API keys."""

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from accounts.models.organizations import Organization
from accounts.models.people import User
from accounts.roles import Role
from opencore.ids import uuid7


class ServiceAccount(models.Model):
    """A program that belongs to an organization, in a role as a member has one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="service_accounts", db_index=False
    )
    name = models.TextField()
    role = models.TextField(choices=Role)
    created_by = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())
    disabled_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1, db_default=1)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                "organization", Lower("name"), name="accounts_service_account_name_once"
            ),
            # Nobody can be made the owner of an organization but a person.
            models.CheckConstraint(
                condition=~models.Q(role="owner"),
                name="accounts_service_account_no_owner",
            ),
        )
        indexes = (
            models.Index(
                fields=("organization", "created_at", "id"),
                name="accounts_programs_of_org",
            ),
        )

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A secret by which a service account, or a member's program, is let in."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="api_keys", db_index=False
    )
    service_account = models.ForeignKey(
        ServiceAccount, models.CASCADE, null=True, related_name="api_keys"
    )
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="api_keys")
    name = models.TextField()
    # What everybody may see and finds the row; the rest of the secret is hashed.
    prefix = models.TextField(unique=True)
    secret_hmac = models.BinaryField()
    scopes = ArrayField(models.TextField())
    # Networks that it may be used from; none named: from anywhere.
    networks = ArrayField(models.TextField(), default=list, db_default=[])
    created_by = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    # Written at most once a minute.
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    rotated_from = models.ForeignKey(
        "self", models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(service_account=None, user__isnull=False)
                | models.Q(service_account__isnull=False, user=None),
                name="accounts_key_has_one_holder",
            ),
        )
        indexes = (
            models.Index(
                fields=("organization", "created_at", "id"),
                name="accounts_keys_of_org",
            ),
            models.Index(
                fields=("revoked_at",),
                condition=models.Q(revoked_at__isnull=False),
                name="accounts_keys_revoked",
            ),
        )

    def __str__(self) -> str:
        return self.prefix

    def is_live(self, now: datetime) -> bool:
        """Tell whether it was not revoked, and its time is not over."""
        in_time = self.expires_at is None or self.expires_at > now
        return self.revoked_at is None and in_time

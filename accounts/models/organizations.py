"""Organizations, who belongs to them and who is asked to."""

from datetime import datetime

import pgtrigger
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models.functions import Cast, Lower, Now

from accounts.models.people import User
from accounts.roles import Role
from opencore.ids import uuid7


class Organization(models.Model):
    """What people share: a company, a team, a club."""

    class Status(models.TextChoices):
        """Whether it can be used."""

        ACTIVE = "active"
        SUSPENDED = "suspended"
        DELETED = "deleted"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.TextField()
    # Its name in addresses: letters, digits, hyphens.
    slug = models.TextField(db_default=Cast(RandomUUID(), models.TextField()))
    status = models.TextField(choices=Status, default="active", db_default="active")
    settings = models.JSONField(default=dict, db_default={})
    created_by = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    # Counts the changes that members see; the ETag is made of it.
    version = models.IntegerField(default=1, db_default=1)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(name=""), name="accounts_organization_has_a_name"
            ),
            models.UniqueConstraint(
                Lower("slug"), name="accounts_organization_slug_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=("active", "suspended", "deleted")),
                name="accounts_organization_status_known",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def member_limit(self) -> int | None:
        """Return how many members there may be, if that is limited."""
        limit: int | None = self.settings.get("member_limit")
        return limit

    def takes(self, email: str) -> bool:
        """Tell whether who has this address may become a member."""
        domains: list[str] = self.settings.get("allowed_domains") or []
        return not domains or email.rpartition("@")[2].lower() in domains


class Membership(models.Model):
    """A person's place in an organization; each organization keeps an owner."""

    Role = Role

    class Status(models.TextChoices):
        """Whether it gives its permissions."""

        ACTIVE = "active"
        SUSPENDED = "suspended"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="memberships", db_index=False
    )
    user = models.ForeignKey(
        User, models.PROTECT, related_name="memberships", db_index=False
    )
    role = models.TextField(choices=Role)
    status = models.TextField(choices=Status, default="active", db_default="active")
    invited_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    version = models.IntegerField(default=1, db_default=1)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "user"), name="accounts_member_only_once"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    role__in=(
                        *("owner", "admin", "billing"),
                        *("developer", "member", "viewer"),
                    )
                ),
                name="accounts_member_role_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=("active", "suspended")),
                name="accounts_member_status_known",
            ),
        )
        indexes = (
            models.Index(
                fields=("organization", "created_at", "id"),
                name="accounts_members_of_org",
            ),
            models.Index(
                fields=("user", "created_at", "id"), name="accounts_orgs_of_user"
            ),
        )
        triggers = (
            # Looks at the commit, with the organization locked, so that two owners who
            # leave at once can't each count on the other.
            pgtrigger.Trigger(
                name="organization_has_owner",
                level=pgtrigger.Row,
                when=pgtrigger.After,
                operation=pgtrigger.Update | pgtrigger.Delete,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Q(old__role="owner"),
                func="""
                PERFORM FROM accounts_organization
                    WHERE id = OLD.organization_id FOR NO KEY UPDATE;
                IF FOUND AND NOT EXISTS (
                    SELECT FROM accounts_membership
                    WHERE organization_id = OLD.organization_id
                        AND role = 'owner' AND status = 'active'
                ) THEN
                    RAISE EXCEPTION 'organization % has no owner', OLD.organization_id
                        USING ERRCODE = 'check_violation',
                              CONSTRAINT = 'accounts_organization_has_owner';
                END IF;
                RETURN NULL;
                """,
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.user_id}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Named sets of invitations."""

    def unanswered(self) -> "InvitationQuerySet":
        """Return those that were neither accepted, declined nor revoked."""
        return self.filter(accepted_at=None, revoked_at=None)

    def open(self, now: datetime) -> "InvitationQuerySet":
        """Return those that can be accepted."""
        return self.unanswered().filter(
            expires_at__gt=now, organization__status=Organization.Status.ACTIVE
        )

    def to_address(self, email: str) -> "InvitationQuerySet":
        """Return those to an address, however its letters are written."""
        return self.alias(lowered=Lower("email")).filter(lowered=email.lower())


class Invitation(models.Model):
    """That somebody with an address is asked to become a member; the link is secret."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="invitations", db_index=False
    )
    email = models.EmailField()
    role = models.TextField(choices=Role)
    # HMAC of the link's token: the database can't open what it knows.
    token_hmac = models.BinaryField(unique=True)
    invited_by = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField()
    sent_count = models.SmallIntegerField(default=1)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.UUIDField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="accounts_one_open_invitation",
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_at=None) | models.Q(revoked_at=None),
                name="accounts_invitation_ends_one_way",
            ),
        )
        indexes = (
            models.Index(
                fields=("organization", "created_at", "id"),
                name="accounts_invitations_of_org",
            ),
            models.Index(
                Lower("email"), "created_at", name="accounts_invitations_to_email"
            ),
        )

    def __str__(self) -> str:
        return str(self.id)

    def is_answered(self) -> bool:
        """Tell whether it was accepted, declined or revoked."""
        return self.accepted_at is not None or self.revoked_at is not None


class OwnershipTransferQuerySet(models.QuerySet["OwnershipTransfer"]):
    """Named sets of offers of an ownership."""

    def unanswered(self) -> "OwnershipTransferQuerySet":
        """Return those that were neither accepted nor cancelled."""
        return self.filter(accepted_at=None, cancelled_at=None)

    def open(self, now: datetime) -> "OwnershipTransferQuerySet":
        """Return those that can be accepted."""
        return self.unanswered().filter(expires_at__gt=now)


class OwnershipTransfer(models.Model):
    """That an owner offers the ownership to another member, who has to accept it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="transfers", db_index=False
    )
    from_user = models.ForeignKey(
        User, models.PROTECT, related_name="+", db_index=False
    )
    to_user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    objects = OwnershipTransferQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organization",),
                condition=models.Q(accepted_at=None, cancelled_at=None),
                name="accounts_one_open_transfer",
            ),
            models.CheckConstraint(
                condition=~models.Q(from_user=models.F("to_user")),
                name="accounts_transfer_to_another",
            ),
        )
        indexes = (
            models.Index(
                fields=("organization", "created_at", "id"),
                name="accounts_transfers_of_org",
            ),
        )

    def __str__(self) -> str:
        return str(self.id)

"""Organizations and who belongs to them."""

import pgtrigger
from django.db import models
from django.db.models.functions import Now

from accounts.models.people import User
from opencore.ids import uuid7


class Organization(models.Model):
    """What people share: a company, a team, a club."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.TextField()
    created_by = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(name=""), name="accounts_organization_has_a_name"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's place in an organization; each organization keeps an owner."""

    class Role(models.TextChoices):
        """What a member may do."""

        OWNER = "owner"
        ADMIN = "admin"
        MEMBER = "member"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organization = models.ForeignKey(
        Organization, models.CASCADE, related_name="memberships", db_index=False
    )
    user = models.ForeignKey(
        User, models.PROTECT, related_name="memberships", db_index=False
    )
    role = models.TextField(choices=Role)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("organization", "user"), name="accounts_member_only_once"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=("owner", "admin", "member")),
                name="accounts_member_role_is_known",
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
                    WHERE organization_id = OLD.organization_id AND role = 'owner'
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

    def manages(self) -> bool:
        """Tell whether this member decides who else belongs, and sees what was done."""
        return self.role in {self.Role.OWNER, self.Role.ADMIN}

    def may_grant(self, role: Role) -> bool:
        """Tell whether this member may give or take the role: none above their own."""
        return self.role == self.Role.OWNER or (
            self.role == self.Role.ADMIN and role != self.Role.OWNER
        )

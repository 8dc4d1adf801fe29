"""People."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower, Now

from opencore.ids import uuid7


class UserManager(BaseUserManager["User"]):
    """Finds people as they write their addresses."""

    def with_address(self, email: str) -> "models.QuerySet[User]":
        """Return who has this address, however its letters are written."""
        return self.alias(lowered=Lower("email")).filter(lowered=email.lower())

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this address; raises User.DoesNotExist."""
        return self.with_address(username or "").get()


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who proved that an address is theirs; only staff have a password."""

    class Role(models.TextChoices):
        """What a user is to this deployment, beside their roles in organizations."""

        USER = "user"
        # Sees what a user sees, with a reason, for a while; changes nothing.
        SUPPORT = "support"
        OPERATOR = "operator"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField()
    email_verified_at = models.DateTimeField(null=True)
    name = models.TextField(blank=True)
    locale = models.TextField(default="en", db_default="en")
    time_zone = models.TextField(default="UTC", db_default="UTC")
    role = models.TextField(choices=Role, default=Role.USER)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    # Counts the changes that the person sees; the ETag is made of it.
    version = models.IntegerField(default=1, db_default=1)
    erased_at = models.DateTimeField(null=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = (
            models.UniqueConstraint(Lower("email"), name="accounts_user_email_unique"),
            models.CheckConstraint(
                condition=models.Q(role__in=("user", "support", "operator")),
                name="accounts_user_role_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(role="operator")
                | models.Q(role="support", is_superuser=False)
                | models.Q(is_staff=False, is_superuser=False),
                name="accounts_only_operators_are_staff",
            ),
        )

    def __str__(self) -> str:
        return self.email

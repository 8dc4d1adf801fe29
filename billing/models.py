"""Who is billed, what was paid, and what is subscribed to."""

from django.db import models
from django.db.models.functions import Now

from opencore.ids import uuid7


class Customer(models.Model):
    """Who is billed: one user or one organization, known here by its id alone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField(null=True)
    org_id = models.UUIDField(null=True)
    email = models.TextField(null=True)  # noqa: DJ001 -- absent is not empty
    # Which of the user's versions told the address; an older one changes it no more.
    email_version = models.IntegerField(default=0, db_default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("user_id",), name="billing_one_customer_per_user"
            ),
            models.UniqueConstraint(
                fields=("org_id",), name="billing_one_customer_per_org"
            ),
            models.CheckConstraint(
                condition=models.Q(user_id__isnull=False, org_id__isnull=True)
                | models.Q(user_id__isnull=True, org_id__isnull=False),
                name="billing_customer_is_a_user_or_an_org",
            ),
        )

    def __str__(self) -> str:
        return f"user {self.user_id}" if self.user_id else f"organization {self.org_id}"


class OrgMember(models.Model):
    """What billing has heard of who belongs to which organization, in what role."""

    org_id = models.UUIDField()
    user_id = models.UUIDField()
    role = models.TextField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("org_id", "user_id"), name="billing_one_role_per_member"
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.user_id} of {self.org_id}"


class Payment(models.Model):
    """Money that a customer has paid, in the currency's smallest unit."""

    class Status(models.TextChoices):
        """How far the payment is; only finished ones are recorded so far."""

        SUCCEEDED = "succeeded"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="payments", db_index=False
    )
    # Who paid, and is told so; for an organization one of its people.
    user_id = models.UUIDField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    provider = models.TextField()
    provider_ref = models.TextField()
    status = models.TextField(choices=Status)
    description = models.TextField(blank=True)
    recorded_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0),
                name="billing_payment_is_more_than_nothing",
            ),
            models.CheckConstraint(
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"),
                name="billing_payment_currency_is_three_capitals",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=("succeeded",)),
                name="billing_payment_status_is_known",
            ),
            models.UniqueConstraint(
                fields=("provider", "provider_ref"),
                name="billing_provider_reference_used_once",
            ),
        )
        indexes = (
            models.Index(
                fields=("customer", "created_at", "id"),
                name="billing_payments_of_customer",
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency} {self.id}"


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Named sets of subscriptions."""

    def active(self) -> "SubscriptionQuerySet":
        """Return those that have not expired."""
        return self.filter(status=Subscription.Status.ACTIVE)


class Subscription(models.Model):
    """A customer's use of a plan until the end of the period."""

    class Status(models.TextChoices):
        """Whether the subscription still counts."""

        ACTIVE = "active"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="subscriptions", db_index=False
    )
    # Who subscribed, and is told when it ends.
    user_id = models.UUIDField()
    plan = models.TextField()
    status = models.TextField(choices=Status, default=Status.ACTIVE)
    period_end = models.DateTimeField()
    expired_at = models.DateTimeField(null=True)
    # The operator who ended it; nobody if its time came.
    expired_by = models.UUIDField(null=True)
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("customer", "plan"),
                condition=models.Q(status="active"),
                name="billing_one_live_subscription_per_plan",
            ),
            models.CheckConstraint(
                condition=models.Q(status="active", expired_at__isnull=True)
                | models.Q(status="expired", expired_at__isnull=False),
                name="billing_expired_subscription_has_a_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(plan=""), name="billing_subscription_names_a_plan"
            ),
        )
        indexes = (
            models.Index(
                fields=("customer", "created_at", "id"),
                name="billing_subs_of_customer",
            ),
            models.Index(
                fields=("period_end",),
                condition=models.Q(status="active"),
                name="billing_subs_that_run_out",
            ),
        )

    def __str__(self) -> str:
        return f"{self.plan} of {self.customer_id}"

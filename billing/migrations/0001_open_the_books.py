"""Billing's first tables."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import opencore.ids


class Migration(migrations.Migration):
    """Create customers, payments, subscriptions, and what is known of members."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("user_id", models.UUIDField(null=True)),
                ("org_id", models.UUIDField(null=True)),
                ("email", models.TextField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user_id",), name="billing_one_customer_per_user"
                    ),
                    models.UniqueConstraint(
                        fields=("org_id",), name="billing_one_customer_per_org"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("org_id__isnull", True), ("user_id__isnull", False)
                            ),
                            models.Q(
                                ("org_id__isnull", False), ("user_id__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="billing_customer_is_a_user_or_an_org",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OrgMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("org_id", models.UUIDField()),
                ("user_id", models.UUIDField()),
                ("role", models.TextField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("org_id", "user_id"), name="billing_one_role_per_member"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("user_id", models.UUIDField()),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("provider", models.TextField()),
                ("provider_ref", models.TextField()),
                ("status", models.TextField(choices=[("succeeded", "Succeeded")])),
                ("description", models.TextField(blank=True)),
                ("recorded_by", models.UUIDField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="billing.customer",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["customer", "created_at", "id"],
                        name="billing_payments_of_customer",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gt", 0)),
                        name="billing_payment_is_more_than_nothing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("currency__regex", "^[A-Z]{3}$")),
                        name="billing_payment_currency_is_three_capitals",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ("succeeded",))),
                        name="billing_payment_status_is_known",
                    ),
                    models.UniqueConstraint(
                        fields=("provider", "provider_ref"),
                        name="billing_provider_reference_used_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=opencore.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("user_id", models.UUIDField()),
                ("plan", models.TextField()),
                (
                    "status",
                    models.TextField(
                        choices=[("active", "Active"), ("expired", "Expired")],
                        default="active",
                    ),
                ),
                ("period_end", models.DateTimeField()),
                ("expired_at", models.DateTimeField(null=True)),
                ("expired_by", models.UUIDField(null=True)),
                ("created_by", models.UUIDField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="subscriptions",
                        to="billing.customer",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["customer", "created_at", "id"],
                        name="billing_subs_of_customer",
                    ),
                    models.Index(
                        condition=models.Q(("status", "active")),
                        fields=["period_end"],
                        name="billing_subs_that_run_out",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "active")),
                        fields=("customer", "plan"),
                        name="billing_one_live_subscription_per_plan",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("expired_at__isnull", True), ("status", "active")
                            ),
                            models.Q(
                                ("expired_at__isnull", False), ("status", "expired")
                            ),
                            _connector="OR",
                        ),
                        name="billing_expired_subscription_has_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("plan", ""), _negated=True),
                        name="billing_subscription_names_a_plan",
                    ),
                ],
            },
        ),
    ]

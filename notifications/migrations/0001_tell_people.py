"""The first tables of notifications."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import opencore.ids


class Migration(migrations.Migration):
    """Create the feed, the mail on its way, and who gets it."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Recipient",
            fields=[
                ("user_id", models.UUIDField(primary_key=True, serialize=False)),
                ("email", models.TextField()),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notification",
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
                ("type", models.TextField()),
                ("event_id", models.UUIDField()),
                ("title", models.TextField()),
                ("body", models.TextField()),
                ("data", models.JSONField(default=dict)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("read_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["user_id", "created_at", "id"],
                        name="notifications_feed",
                    ),
                    models.Index(
                        condition=models.Q(("read_at__isnull", True)),
                        fields=["user_id", "created_at", "id"],
                        name="notifications_unread",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user_id", "type", "event_id"),
                        name="notifications_told_once_per_event",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
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
                (
                    "channel",
                    models.TextField(choices=[("email", "Email")], default="email"),
                ),
                ("type", models.TextField()),
                ("event_id", models.UUIDField()),
                ("address", models.TextField()),
                ("subject", models.TextField()),
                ("body", models.TextField()),
                ("sealed_code", models.TextField(blank=True)),
                (
                    "status",
                    models.TextField(
                        choices=[
                            ("scheduled", "Scheduled"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("expired", "Expired"),
                        ],
                        default="scheduled",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                (
                    "notification",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="deliveries",
                        to="notifications.notification",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
            },
        ),
        migrations.CreateModel(
            name="DeliveryAttempt",
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
                ("n", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "outcome",
                    models.TextField(
                        choices=[
                            ("sent", "Sent"),
                            ("deferred", "Deferred"),
                            ("refused", "Refused"),
                            ("expired", "Expired"),
                        ]
                    ),
                ),
                ("error", models.TextField(blank=True)),
                (
                    "delivery",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tries",
                        to="notifications.delivery",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("delivery", "n"),
                        name="notifications_attempts_are_numbered",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status__in", ("scheduled", "sending"))),
                fields=["next_attempt_at"],
                name="notifications_mail_to_send",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("channel", "address", "event_id", "type"),
                name="notifications_mailed_once_per_event",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ("scheduled", "sending", "sent", "failed", "expired"),
                    )
                ),
                name="notifications_delivery_status_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "sending"), _negated=True),
                    ("claimed_until__isnull", False),
                    _connector="OR",
                ),
                name="notifications_claim_has_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ("scheduled", "sending")),
                    ("sealed_code", ""),
                    _connector="OR",
                ),
                name="notifications_settled_mail_keeps_no_code",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "sent"), _negated=True),
                    ("sent_at__isnull", False),
                    _connector="OR",
                ),
                name="notifications_sent_mail_has_a_time",
            ),
        ),
    ]

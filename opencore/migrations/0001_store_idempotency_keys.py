"""Stored answers to repeated requests."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Remember what requests were answered, so that they may be repeated."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="IdempotencyKey",
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
                ("principal", models.TextField()),
                ("method", models.TextField()),
                ("route", models.TextField()),
                ("key", models.TextField()),
                ("fingerprint", models.BinaryField()),
                ("status", models.PositiveSmallIntegerField()),
                ("headers", models.JSONField(default=dict)),
                ("body", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["expires_at"], name="idempotency_key_expired")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("principal", "method", "route", "key"),
                        name="idempotency_key_used_once",
                    )
                ],
            },
        ),
    ]

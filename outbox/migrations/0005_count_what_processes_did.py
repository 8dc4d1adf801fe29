"""What relays and consumers did is counted in rows that outlive them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the table of counters."""

    dependencies = [("outbox", "0004_run_replays_in_the_background_and_cancel_them")]

    operations = [
        migrations.CreateModel(
            name="Counter",
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
                ("name", models.TextField()),
                ("labels", models.JSONField()),
                ("value", models.FloatField()),
            ],
            options={
                "db_table": "outbox_counter",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("name", "labels"), name="outbox_counted_in_one_row"
                    )
                ],
            },
        ),
    ]

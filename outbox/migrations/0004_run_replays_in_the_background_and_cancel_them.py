"""Operations on dead letters run in the background, and can be canceled."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Keep plans, who runs an operation, who canceled it, and how letters had died."""

    dependencies = [("outbox", "0003_find_what_the_inbox_may_forget")]

    operations = [
        migrations.AddField(
            model_name="replay",
            name="background",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="replay",
            name="cancel_asked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="replay",
            name="canceled_by",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="replay",
            name="stop_on_failure_rate",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="replayitem",
            name="died_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="replay",
            name="state",
            field=models.TextField(
                choices=[
                    ("planned", "Planned"),
                    ("queued", "Queued"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("canceled", "Canceled"),
                    ("stopped", "Stopped"),
                ],
                default="running",
            ),
        ),
    ]

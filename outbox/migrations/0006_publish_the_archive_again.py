"""Operations may also publish delivered events again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Know the action "republish"; the table stays as it is."""

    dependencies = [("outbox", "0005_count_what_processes_did")]

    operations = [
        migrations.AlterField(
            model_name="replay",
            name="action",
            field=models.TextField(
                choices=[
                    ("replay", "Replay"),
                    ("discard", "Discard"),
                    ("republish", "Republish"),
                ],
                default="replay",
            ),
        ),
    ]

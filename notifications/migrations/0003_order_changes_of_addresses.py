"""An address remembers which change told it, so that an older one changes it no more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Let a recipient's address have a version."""

    dependencies = [("notifications", "0002_keep_feeds_apart")]
    operations = [
        migrations.AddField(
            model_name="recipient",
            name="email_version",
            field=models.IntegerField(db_default=0, default=0),
        )
    ]

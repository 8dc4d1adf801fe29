"""An address remembers which change told it, so that an older one changes it no more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Let a customer's address have a version."""

    dependencies = [("billing", "0002_keep_payers_apart")]
    operations = [
        migrations.AddField(
            model_name="customer",
            name="email_version",
            field=models.IntegerField(db_default=0, default=0),
        )
    ]

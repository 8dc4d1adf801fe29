"""Exports of the record that failed say why."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Add the reason, empty unless an export failed."""

    dependencies = [("accounts", "0007_let_people_go_on_to_a_second_factor")]
    operations = [
        migrations.AddField(
            model_name="auditexport",
            name="reason",
            field=models.TextField(
                blank=True,
                choices=[("too_many_rows", "Too Many Rows"), ("error", "Error")],
                db_default="",
                default="",
            ),
        ),
    ]
